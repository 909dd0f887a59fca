//! A plug-in for Wireshark: a postdissector with the states of one capture as fields.
//!
//! Wireshark shows its fields below each packet, filters by them and makes columns of them. The plug-in holds what was found,
//! not how: it belongs to the one capture that it names.

use std::io::{self, Write};

use crate::model::{Capture, Connection, EndpointReport, Evidence, PacketNumber, State};
use crate::report::escape::{Lua, clipped};

/// Connections in one function of the plug-in: Lua bounds how many constants one may have.
const TOGETHER: u64 = 200;
/// Octets of what a plug-in says of connections at most: Wireshark holds all of it in memory. The second half is kept for those
/// with findings.
pub const MOST: u64 = 64 << 20;
/// Characters of a message.
const LONGEST: usize = 1_000;

/// Writes the plug-in, connection after connection.
pub struct Plugin<'a> {
    out: &'a mut dyn Write,
    written: u64,
    left_out: u64,
    octets: u64,
    most: u64,
}

const HEAD: &str = r#"
local tcptrace = Proto("tcptrace", "TCP states by tcptrace-states")

local fields = {
  connection = ProtoField.uint32("tcptrace.connection", "Connection"),
  client = ProtoField.string("tcptrace.client.state", "Client"),
  server = ProtoField.string("tcptrace.server.state", "Server"),
  client_proven = ProtoField.bool("tcptrace.client.proven", "Client's state is proven"),
  server_proven = ProtoField.bool("tcptrace.server.proven", "Server's state is proven"),
  transition = ProtoField.string("tcptrace.transition", "Transition"),
  finding = ProtoField.string("tcptrace.finding", "Finding"),
  message = ProtoField.string("tcptrace.finding.message", "Message"),
  left_out = ProtoField.bool("tcptrace.left_out", "Not in this plug-in"),
}
tcptrace.fields = {
  fields.connection, fields.client, fields.server, fields.client_proven, fields.server_proven,
  fields.transition, fields.finding, fields.message, fields.left_out,
}

-- Connections by both ends, as "address:port address:port", the lesser one first.
local by_ends = {}

local function connection(ends, of)
  local known = by_ends[ends]
  if known then known[#known + 1] = of else by_ends[ends] = { of } end
end

"#;

const TAIL: &str = r#"
local function field(name)
  local known, extractor = pcall(Field.new, name)
  if known then return extractor end
end
local ip_src, ip_dst = field("ip.src"), field("ip.dst")
local ipv6_src, ipv6_dst = field("ipv6.src"), field("ipv6.dst")
local srcport, dstport = field("tcp.srcport"), field("tcp.dstport")

-- The innermost of several.
local function last(extractor)
  local all = extractor and { extractor() } or {}
  return all[#all]
end

local function ends_of_packet()
  local source, destination = last(srcport), last(dstport)
  if not source then return end
  local from, to = last(ip_src), last(ip_dst)
  local from6, to6 = last(ipv6_src), last(ipv6_dst)
  local keys = {}
  for _, pair in ipairs({ { from, to }, { from6, to6 } }) do
    if pair[1] and pair[2] then
      local one = tostring(pair[1].value) .. ":" .. tostring(source.value)
      local other = tostring(pair[2].value) .. ":" .. tostring(destination.value)
      if other < one then one, other = other, one end
      keys[#keys + 1] = one .. " " .. other
    end
  end
  return keys
end

-- The state after a packet: the last entry of a list of { packet, state, proven } up to it.
local function state_at(list, number)
  local found
  for _, entry in ipairs(list) do
    if entry[1] > number then break end
    found = entry
  end
  return found
end

-- Lives of one pair of ends may overlap by a few packets where the pair was used again: a packet is that of the life whose
-- state it changed, else of the life that shows a finding by it, else of the latest.
local function life_of(lives, number)
  local latest, by_finding
  for _, one in ipairs(lives) do
    if one.first <= number and number <= one.last then
      if one.transitions[number] then return one end
      if one.findings[number] then by_finding = one end
      latest = one
    end
  end
  return by_finding or latest
end

function tcptrace.dissector(buffer, pinfo, tree)
  local keys = ends_of_packet()
  if not keys then return end
  for _, key in ipairs(keys) do
    local one = life_of(by_ends[key] or {}, pinfo.number)
    if one then
      local client, server = state_at(one.client, pinfo.number), state_at(one.server, pinfo.number)
      local branch = tree:add(tcptrace)
      branch:set_text("TCP states: client " .. client[2] .. ", server " .. server[2])
      branch:add(fields.connection, one.id):set_generated()
      branch:add(fields.client, client[2]):set_generated()
      branch:add(fields.client_proven, client[3]):set_generated()
      branch:add(fields.server, server[2]):set_generated()
      branch:add(fields.server_proven, server[3]):set_generated()
      for _, text in ipairs(one.transitions[pinfo.number] or {}) do
        branch:add(fields.transition, text):set_generated()
      end
      for _, found in ipairs(one.findings[pinfo.number] or {}) do
        branch:add(fields.finding, found[1]):set_generated()
        branch:add(fields.message, found[2]):set_generated()
      end
      return
    end
  end
  if left_out > 0 then
    local branch = tree:add(tcptrace)
    branch:set_text("TCP states: not among the connections of this plug-in, which had no room for " .. left_out .. " of them")
    branch:add(fields.left_out, true):set_generated()
  end
end

register_postdissector(tcptrace, true)
"#;

impl<'a> Plugin<'a> {
    /// Begins a plug-in for this capture.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn begin(out: &'a mut dyn Write, capture: &Capture) -> io::Result<Plugin<'a>> {
        Plugin::bounded(out, capture, MOST)
    }

    /// The same, with so many octets about connections at most.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn bounded(out: &'a mut dyn Write, capture: &Capture, most: u64) -> io::Result<Plugin<'a>> {
        writeln!(out, "-- TCP states for Wireshark, by {}.", Lua(&capture.program))?;
        for file in &capture.files {
            writeln!(
                out,
                "-- It belongs to one capture: {} ({} packets).",
                Lua(file),
                capture.packets
            )?;
        }
        writeln!(out, "--")?;
        for line in [
            "Use: wireshark -X lua_script:THIS_FILE CAPTURE, or put it into the folder of personal Lua plug-ins.",
            "Filter: tcptrace.server.state == \"CLOSE-WAIT\" && tcptrace.finding",
            "Columns: right-click a field below a packet, \"Apply as Column\".",
            "A state is the one after the packet. tcptrace.client.proven and tcptrace.server.proven say whether a packet of",
            "that end proves it.",
        ] {
            writeln!(out, "-- {line}")?;
        }
        out.write_all(HEAD.as_bytes())?;
        Ok(Plugin {
            out,
            written: 0,
            left_out: 0,
            octets: 0,
            most,
        })
    }

    /// Adds a connection, if there is room for it.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn add(&mut self, connection: &Connection) -> io::Result<()> {
        let mut text = Vec::new();
        entry(&mut text, connection)?;
        let room = match connection.findings.is_empty() {
            true => self.most / 2,
            false => self.most,
        };
        let octets = self.octets.saturating_add(text.len() as u64);
        if octets > room {
            self.left_out += 1;
            return Ok(());
        }
        self.octets = octets;
        if self.written.is_multiple_of(TOGETHER) {
            // Without the semicolon, Lua takes the next function for an argument of this call.
            let end = if self.written > 0 { "end)();\n" } else { "" };
            writeln!(self.out, "{end}(function()")?;
        }
        self.written += 1;
        self.out.write_all(&text)
    }

    /// Connections that it holds, and those that there was no room for.
    pub fn counts(&self) -> (u64, u64) {
        (self.written, self.left_out)
    }

    /// Ends the plug-in.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(self) -> io::Result<()> {
        if self.written > 0 {
            writeln!(self.out, "end)();")?;
        }
        writeln!(self.out, "local left_out = {}", self.left_out)?;
        self.out.write_all(TAIL.as_bytes())
    }
}

/// What is said of one connection.
fn entry(out: &mut Vec<u8>, connection: &Connection) -> io::Result<()> {
    let mut ends = [connection.client, connection.server].map(|end| format!("{}:{}", end.ip, end.port));
    ends.sort();
    writeln!(out, "connection(\"{} {}\", {{", ends[0], ends[1])?;
    writeln!(
        out,
        "  id = {}, first = {}, last = {},",
        connection.id, connection.first_packet, connection.last_packet
    )?;
    let sides = [
        ("client", &connection.endpoints.client),
        ("server", &connection.endpoints.server),
    ];
    for (name, side) in sides {
        states(out, name, side, connection.first_packet)?;
    }
    transitions(out, &sides)?;
    findings(out, connection)?;
    writeln!(out, "}})")
}

fn states(out: &mut Vec<u8>, name: &str, side: &EndpointReport, first: PacketNumber) -> io::Result<()> {
    let begin = side
        .transitions
        .first()
        .map_or(side.state, |transition| transition.from);
    let begins_proven = side.transitions.is_empty() && side.state_evidence.is_none_or(Evidence::is_proof);
    let known = begin != State::Unknown && (begins_proven || !side.transitions.is_empty());
    write!(out, "  {name} = {{ {{ {}, \"{begin}\", {known} }}", first.min(1))?;
    // Segments that crossed have packet numbers in another order than the states had.
    let mut newest = 0;
    for transition in &side.transitions {
        let Some(packet) = transition.packet else {
            continue; // a timer: no packet of the connection shows it
        };
        newest = packet.max(newest);
        let proven = transition.evidence.is_proof() && transition.to != State::Unknown;
        write!(out, ", {{ {newest}, \"{}\", {proven} }}", transition.to)?;
    }
    writeln!(out, " }},")
}

fn transitions(out: &mut Vec<u8>, sides: &[(&str, &EndpointReport); 2]) -> io::Result<()> {
    let mut all: Vec<(PacketNumber, String)> = Vec::new();
    for (name, side) in sides {
        for transition in &side.transitions {
            let text = format!(
                "{name}: {} -> {} ({})",
                transition.from,
                transition.to,
                transition.evidence.name()
            );
            all.extend(transition.packet.map(|packet| (packet, text)));
        }
    }
    all.sort_by_key(|(packet, _)| *packet);
    write!(out, "  transitions = {{")?;
    for group in all.chunk_by(|(one, _), (other, _)| one == other) {
        let packet = group.first().map_or(0, |(packet, _)| *packet);
        write!(out, " [{packet}] = {{")?;
        for (_, text) in group {
            write!(out, " \"{}\",", Lua(text))?;
        }
        write!(out, " }},")?;
    }
    writeln!(out, " }},")
}

fn findings(out: &mut Vec<u8>, connection: &Connection) -> io::Result<()> {
    let mut all: Vec<(PacketNumber, usize)> = Vec::new();
    for (index, finding) in connection.findings.iter().enumerate() {
        let packets = finding.packets.iter().chain(&finding.packet);
        all.extend(packets.map(|packet| (*packet, index)));
    }
    all.sort_unstable();
    all.dedup();
    write!(out, "  findings = {{")?;
    for group in all.chunk_by(|(one, _), (other, _)| one == other) {
        let packet = group.first().map_or(0, |(packet, _)| *packet);
        write!(out, " [{packet}] = {{")?;
        for finding in group
            .iter()
            .filter_map(|(_, index)| connection.findings.get(*index))
        {
            let (message, _) = clipped(&finding.message, LONGEST);
            write!(out, " {{ \"{}\", \"{}\" }},", finding.code, Lua(message))?;
        }
        write!(out, " }},")?;
    }
    writeln!(out, " }},")
}
