//! Every packet that is named in what is told of a connection.

use super::{Connection, EndpointReport, Finding, Handshake, LadderRow, PacketNumber, Reuse};

impl Connection {
    /// Shows each packet number in it, to be replaced by another one. Not those of its time-sequence graph, which is drawn
    /// where the capture was read.
    ///
    /// # Errors
    ///
    /// The first one of `change`.
    pub fn change_packets<E>(
        &mut self,
        change: &mut impl FnMut(PacketNumber) -> Result<PacketNumber, E>,
    ) -> Result<(), E> {
        let mut one = |packet: &mut PacketNumber| -> Result<(), E> {
            *packet = change(*packet)?;
            Ok(())
        };
        one(&mut self.first_packet)?;
        one(&mut self.last_packet)?;
        handshake(&mut self.handshake, &mut one)?;
        endpoint(&mut self.endpoints.client, &mut one)?;
        endpoint(&mut self.endpoints.server, &mut one)?;
        if let Some(reuse) = &mut self.reuse {
            reused(reuse, &mut one)?;
        }
        if let Some(successor) = &mut self.successor {
            one(&mut successor.first_packet)?;
            successor.reset_packet.iter_mut().try_for_each(&mut one)?;
        }
        self.findings
            .iter_mut()
            .try_for_each(|found| finding(found, &mut one))?;
        self.events
            .iter_mut()
            .try_for_each(|event| one(&mut event.packet))?;
        let mut folded = self.events_folded.iter_mut();
        folded.try_for_each(|folded| one(&mut folded.last_packet))?;
        self.ladder
            .iter_mut()
            .try_for_each(|row| ladder_row(row, &mut one))
    }
}

type Change<'a, E> = dyn FnMut(&mut PacketNumber) -> Result<(), E> + 'a;

fn handshake<E>(of: &mut Handshake, one: &mut Change<'_, E>) -> Result<(), E> {
    let packets = [&mut of.syn_packet, &mut of.syn_ack_packet, &mut of.ack_packet];
    packets.into_iter().flatten().try_for_each(one)
}

fn endpoint<E>(of: &mut EndpointReport, one: &mut Change<'_, E>) -> Result<(), E> {
    for step in &mut of.transitions {
        step.packet.iter_mut().try_for_each(&mut *one)?;
        step.proven_by.iter_mut().try_for_each(&mut *one)?;
    }
    for withdrawn in &mut of.withdrawn {
        one(&mut withdrawn.packet)?;
        withdrawn.refuted_by.iter_mut().try_for_each(&mut *one)?;
    }
    of.fin_packet.iter_mut().try_for_each(&mut *one)?;
    of.owes_answer
        .iter_mut()
        .try_for_each(|owed| one(&mut owed.packet))
}

fn reused<E>(of: &mut Reuse, one: &mut Change<'_, E>) -> Result<(), E> {
    one(&mut of.previous_first_packet)?;
    let packets = [&mut of.refused_by_packet, &mut of.reset_packet];
    packets.into_iter().flatten().try_for_each(one)
}

fn finding<E>(of: &mut Finding, one: &mut Change<'_, E>) -> Result<(), E> {
    of.packet.iter_mut().try_for_each(&mut *one)?;
    of.packets.iter_mut().try_for_each(&mut *one)?;
    of.last_packet.iter_mut().try_for_each(one)
}

fn ladder_row<E>(of: &mut LadderRow, one: &mut Change<'_, E>) -> Result<(), E> {
    one(&mut of.first_packet)?;
    one(&mut of.last_packet)
}
