import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { file, open, report, testdata } from "./browser.mjs";

const leak = report(testdata("kernel/close_wait_leak.client.pcapng"));
const soak = report(testdata("kernel/soak.client.pcap"));
const simultaneous = report(testdata("kernel/simultaneous_close.client.pcap"));
const empty = report(testdata("kernel/tw_syn_low_isn.client.pcap"), "--port", "1");

/** The states of a lane as its label says them: `client ESTABLISHED, …; server …`. */
const lane = (page, id) => page.locator(`#rows .row[data-id="${id}"]`).getAttribute("aria-label");
/** The numbers of a packed list. */
function numbers(packed) {
  const all = new Set();
  let [value, place, first, at] = [0, 1, null, 0];
  for (const octet of inflateRawSync(Buffer.from(packed, "base64"))) {
    value += (octet & 127) * place;
    place *= 128;
    if (octet & 128) continue;
    if (first === null) first = at + value;
    else { at = first + value; for (let id = first; id <= at; id++) all.add(id); first = null; }
    [value, place] = [0, 1];
  }
  return all;
}
const count = (page) => page.locator("#count").textContent();

test("it opens in light and dark, on paper and without connections", async () => {
  for (const path of [leak, soak, simultaneous, empty]) {
    for (const colorScheme of ["light", "dark"]) {
      await open(path, { colorScheme }, async (page) => {
        assert.equal(await page.locator("h1").count(), 1);
        await page.emulateMedia({ media: "print" });
        await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
        await page.evaluate(() => dispatchEvent(new Event("afterprint")));
      });
    }
  }
});

test("a simultaneous close shows both sides in CLOSING", async () => {
  await open(simultaneous, {}, async (page) => {
    const label = await lane(page, 1);
    assert.match(label, /client .*ESTABLISHED, FIN-WAIT-1, CLOSING.*TIME-WAIT.*; server .*ESTABLISHED, FIN-WAIT-1, CLOSING.*TIME-WAIT/);
  });
});

test("lanes are those of the capture, and filters keep the right ones", async () => {
  await open(soak, {}, async (page) => {
    const data = JSON.parse(await page.locator("#data").textContent());
    assert.equal(data.lanes.length, 600);
    assert.equal(await count(page), "");
    const closeWait = data.states.indexOf("CLOSE-WAIT");
    const expected = data.lanes.filter((one) => one[11] >> 3 === closeWait || one[12] >> 3 === closeWait).length;
    await page.selectOption("#f-state", "e" + closeWait);
    assert.equal(await count(page), `${expected} of 600 lanes match.`);
    assert.match(await page.locator("#rows .row").first().textContent(), /CLOSE-WAIT/);
    await page.getByRole("button", { name: "Clear all filters" }).click();
    // A port: as many as the data has.
    const port = data.lanes[0][4];
    const there = data.lanes.filter((one) => one[2] === port || one[4] === port || one[0] === port).length;
    await page.fill("#f-find", String(port));
    await page.waitForFunction(() => document.getElementById("count").textContent !== "");
    assert.equal(await count(page), `${there} of 600 lanes match.`);
    await page.fill("#f-find", "203.0.113.77");
    await page.waitForFunction(() => document.getElementById("count").textContent.startsWith("0 "));
    assert.match(await page.locator("#rows").textContent(), /No lane matches/);
    await page.getByRole("button", { name: "Clear all filters" }).click();
    // A finding: those that the rule names.
    for (const [code, packed] of Object.entries(data.lists).filter(([code]) => !code.includes("."))) {
      await page.selectOption("#f-finding", code);
      const named = data.lanes.filter((one) => numbers(packed).has(one[0])).length;
      assert.ok(named > 0);
      await page.waitForFunction((text) => document.getElementById("count").textContent === text, `${named} of 600 lanes match.`);
    }
    // Order.
    await page.getByRole("button", { name: "Clear all filters" }).click();
    await page.selectOption("#f-sort", "half");
    const longest = [...data.lanes].sort((a, b) => b[8] - a[8])[0];
    assert.equal(await page.locator("#rows .row").first().getAttribute("data-id"), String(longest[0]));
    await page.selectOption("#f-sort", "start");
    const first = [...data.lanes].sort((a, b) => a[5] - b[5] || a[0] - b[0])[0];
    assert.equal(await page.locator("#rows .row").first().getAttribute("data-id"), String(first[0]));
  });
});

test("only lanes in sight are in the page, and all can be reached by keys", async () => {
  await open(soak, {}, async (page) => {
    assert.ok((await page.locator("#rows .row").count()) < 60);
    await page.locator("#rows").focus();
    await page.keyboard.press("End");
    const data = JSON.parse(await page.locator("#data").textContent());
    const last = data.lanes[data.lanes.length - 1][0];
    assert.equal(await page.locator("#rows .chosen").getAttribute("data-id"), String(last));
    assert.match(await page.locator("#detail h3").textContent(), new RegExp(`^Connection ${last}:`));
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.locator("#rows .chosen").getAttribute("data-id"), String(data.lanes[1][0]));
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#detail").textContent(), "");
  });
});

test("zoom makes stretches wider, pan moves them, 0 shows all", async () => {
  await open(leak, {}, async (page) => {
    const boxes = () => page.locator("#rows .row").first().locator("rect.s").evaluateAll((all) => all.map((one) => [parseFloat(one.getAttribute("x")), parseFloat(one.getAttribute("width"))]));
    const ticks = () => page.locator("#ticks").textContent();
    const [before, scale] = [await boxes(), await ticks()];
    await page.locator("#rows").focus();
    await page.keyboard.press("+");
    assert.notDeepEqual(await boxes(), before);
    assert.notEqual(await ticks(), scale);
    const [zoomed, middle] = [await boxes(), await ticks()];
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await ticks(), middle);
    await page.keyboard.press("0");
    assert.deepEqual(await boxes(), before);
    await page.getByRole("button", { name: "Zoom in" }).click();
    assert.deepEqual(await boxes(), zoomed);
    await page.getByRole("button", { name: "Show the whole time" }).click();
    assert.deepEqual(await boxes(), before);
    // With the wheel, around the pointer.
    await page.locator("#rows").evaluate((one) => one.scrollIntoView({ block: "center", behavior: "instant" }));
    const strip = await page.locator("#rows .row .strip").first().boundingBox();
    await page.mouse.move(strip.x + strip.width / 2, strip.y + 5);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -200);
    await page.keyboard.up("Control");
    await page.waitForFunction((scale) => document.getElementById("ticks").textContent !== scale, scale);
    assert.notDeepEqual(await boxes(), before);
  });
});

test("what is not proven is hatched", async () => {
  await open(leak, {}, async (page) => {
    const data = JSON.parse(await page.locator("#data").textContent());
    const first = page.locator("#rows .row").first();
    const id = Number(await first.getAttribute("data-id"));
    const lane = data.lanes.find((one) => one[0] === id);
    const unproven = [13, 14].flatMap((side) => lane[side].filter((_, at) => at % 4 === 0))
      .filter((what) => (what & 1) === 0 && !["CLOSED", "LISTEN"].includes(data.states[what >> 4])).length;
    assert.equal(await first.locator("rect.hatch").count(), unproven);
    assert.ok(unproven > 0);
  });
});

test("a finding leads to its lanes, and a number to its ladder", async () => {
  await open(soak, {}, async (page) => {
    const group = page.locator("details.finding").nth(1);
    await group.locator("summary").first().click();
    await group.getByRole("button", { name: /^Show lanes with/ }).click();
    await page.waitForFunction(() => /lanes match/.test(document.getElementById("count").textContent));
    const anchor = page.locator("#rows a.conn").first();
    const id = await anchor.getAttribute("data-id");
    await anchor.click();
    await page.waitForSelector(`details#c${id}[open] .drawing svg`);
  });
  await open(leak, {}, async (page) => {
    assert.ok((await page.locator("details.connection .drawing svg").count()) > 0);
  });
});

test("a ladder that is packed is drawn when it is chosen, and looks like the others", async () => {
  await open(soak, {}, async (page) => {
    const data = JSON.parse(await page.locator("#data").textContent());
    const packed = data.packs.flatMap(([ids]) => ids);
    assert.equal(data.ladders.length + packed.length, 600);
    assert.equal(await page.locator("details.connection").count(), data.ladders.length);
    const id = packed.at(-1);
    await page.fill("#which", String(id));
    await page.getByRole("button", { name: "Show its ladder" }).click();
    await page.waitForSelector(`details#c${id}[open]`);
    assert.ok((await page.locator(`details#c${id} .drawing svg`).first().boundingBox()).height > 100);
    assert.equal(await page.locator(`details#c${id} .drawing`).first().getAttribute("aria-label"), `Ladder of connection ${id}`);
    // Twice is once.
    await page.getByRole("button", { name: "Show its ladder" }).click();
    assert.equal(await page.locator(`details#c${id}`).count(), 1);
    const other = packed.at(0);
    await page.evaluate((other) => document.querySelector(`#findings, main`).insertAdjacentHTML("beforeend", `<a class="conn" data-id="${other}" href="#c${other}">x</a>`), other);
    await page.locator(`a.conn[href="#c${other}"]`).last().click();
    await page.waitForSelector(`details#c${other}[open]`);
  });
});

test("a connection without a ladder has the commands that draw it", async () => {
  const piped = report(testdata("kernel/close_wait_leak.client.pcapng"), "--dedup", "off");
  const html = readFileSync(piped, "utf8").replace(/"packs":\[.*?\],\n"ips"/s, '"packs":[],\n"ips"').replace(/"ladders":\[[^\]]*\]/, '"ladders":[]');
  await open(file("none.html", html), {}, async (page) => {
    await page.locator("#rows").focus();
    await page.keyboard.press("ArrowDown");
    const text = await page.locator("#detail").textContent();
    assert.match(text, /tcptrace-states show \S*close_wait_leak.client.pcapng --conn \d+ --svg ladder-\d+\.svg/);
    assert.match(text, /--conn \d+ --wireshark-filter/);
  });
});

test("every list of numbers can be read to its end", async () => {
  await open(soak, {}, async (page) => {
    const data = JSON.parse(await page.locator("#data").textContent());
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    const lists = await page.locator("[data-list]").all();
    assert.ok(lists.length > 3);
    for (const list of lists) {
      const name = await list.getAttribute("data-list");
      const more = list.getByRole("button", { name: "List all" });
      if (await more.count()) await more.click();
      await page.waitForFunction((name) => !document.querySelector(`[data-list="${name}"] button`), name);
      const text = (await list.textContent()).replace(/^.*: /, "");
      const told = text.split(", ").flatMap((part) => {
        const [from, to = from] = part.split("–").map(Number);
        return Array.from({ length: to - from + 1 }, (_, at) => from + at);
      });
      assert.deepEqual(told, [...numbers(data.lists[name])], name);
    }
  });
});

/** In the page: boxes of lanes and pictures, and how wide the paper is. */
const boxes = () => {
  const box = (one) => { const { left, right, top, bottom } = one.getBoundingClientRect(); return { left, right, top, bottom }; };
  const shown = (one) => box(one).bottom > box(one).top;
  return {
    wide: document.documentElement.clientWidth,
    wider: document.documentElement.scrollWidth,
    rows: [...document.querySelectorAll("#rows .row")].map((row) => ({ id: Number(row.dataset.id), ...box(row), strips: row.querySelectorAll("rect.s").length, strip: box(row.querySelector(".strip")) })),
    pictures: [...document.querySelectorAll(".drawing svg")].filter(shown).map(box),
    closed: document.querySelectorAll("details:not([open]):not(.extra)").length,
  };
};

test("on paper, all lanes stand below each other and nothing is cut", async () => {
  for (const [path, scripted] of [[soak, true], [leak, true], [simultaneous, true], [soak, false]]) {
    // A sheet of A4 without its margins.
    await open(path, { viewport: { width: 718, height: 1040 }, javaScriptEnabled: scripted, colorScheme: "dark" }, async (page) => {
      const data = JSON.parse(await page.locator("#data").textContent());
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      if (scripted) await page.waitForFunction((all) => document.querySelectorAll("#rows .row").length === all, data.lanes.length);
      const paper = await page.evaluate(boxes);
      assert.equal(paper.wider, paper.wide, "wider than the paper");
      assert.equal(paper.rows.length, scripted ? data.lanes.length : Math.min(60, data.lanes.length));
      if (scripted) assert.deepEqual(new Set(paper.rows.map((row) => row.id)), new Set(data.lanes.map((lane) => lane[0])));
      paper.rows.forEach((row, at) => {
        assert.ok(row.strips > 0 && row.strip.bottom <= row.bottom + 1 && row.strip.top >= row.top, `the strip of ${row.id}`);
        assert.ok(row.left >= 0 && row.right <= paper.wide && row.strip.right - row.strip.left > 600, `the width of ${row.id}`);
        if (at > 0) assert.ok(row.top >= paper.rows[at - 1].bottom - 1, `${row.id} lies over another`);
      });
      assert.ok(paper.pictures.length >= 4);
      for (const picture of paper.pictures) {
        assert.ok(picture.left >= 0 && picture.right <= paper.wide + 1 && picture.bottom - picture.top < 1000, JSON.stringify(picture));
      }
      if (scripted) assert.equal(paper.closed, 0);
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
      // Sheets as Chromium makes them: more than the lanes alone take, and each with a box of A4.
      const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
      const sheets = pdf.match(/\/Type\s*\/Page\b(?!s)/g).length;
      assert.ok(sheets > paper.rows.length / 25 + paper.pictures.length / 6, `${sheets} sheets`);
      await page.emulateMedia({ media: "screen" });
      if (scripted && data.lanes.length > 60) await page.waitForFunction(() => document.querySelectorAll("#rows .row").length < 60);
    });
  }
});

test("a tall ladder is cut between its rows on paper, and all of it is there", async () => {
  const tall = report(testdata("kernel/tw_restart.client.pcap"));
  await open(tall, { viewport: { width: 718, height: 1040 } }, async (page) => {
    await page.emulateMedia({ media: "print" });
    const drawings = await page.locator(".drawing.tall").all();
    assert.ok(drawings.length > 0, "no tall ladder");
    for (const drawing of drawings) {
      const views = await drawing.locator(".sheets svg").evaluateAll((all) => all.map((one) => [...one.getAttribute("viewBox").split(" ").map(Number), one.getBoundingClientRect().height]));
      const [, , width, height] = (await drawing.locator("> svg").getAttribute("viewBox")).split(" ").map(Number);
      assert.ok(views.length > 1);
      let at = 0;
      for (const [x, y, wide, high, drawn] of views) {
        assert.deepEqual([x, wide], [0, width]);
        assert.ok(Math.abs(y - at) < 0.2 && drawn < 500 && drawn > 0);
        at = y + high;
      }
      assert.ok(Math.abs(at - height) < 0.2);
      assert.equal(await drawing.locator("> svg").evaluate((one) => one.getBoundingClientRect().height), 0);
    }
  });
});

test("charts tell their values at a moment, by pointer and by key", async () => {
  await open(soak, {}, async (page) => {
    const figure = page.locator("figure.chart").first();
    await figure.locator(".canvas").focus();
    await page.keyboard.press("ArrowLeft");
    const chart = JSON.parse(await page.locator("#data").textContent()).charts[0];
    const at = chart.names.indexOf("ESTABLISHED");
    const last = chart.values[at].at(-1);
    assert.match(await figure.locator(".readout").textContent(), new RegExp(`ESTABLISHED ${last}\\b`));
  });
});

test("it can be read without the script", async () => {
  await open(soak, { javaScriptEnabled: false }, async (page) => {
    assert.equal(await page.locator("#rows .row").count(), 60);
    assert.ok((await page.locator("#rows .row").first().locator("rect.s").count()) > 2);
    assert.match(await page.locator("#extent").textContent(), /All 600 connections/);
    assert.equal(await page.locator("#controls").isVisible(), false);
    assert.ok(await page.getByText("The first 60 lanes are drawn here").isVisible());
    assert.ok((await page.locator("figure.chart path").count()) > 10);
  });
});

test("nothing is wider than the page, on a phone and on a desktop", async () => {
  for (const path of [leak, soak, simultaneous, empty]) {
    await open(path, {}, async (page) => {
      for (const width of [320, 390, 768, 1280, 1920]) {
        await page.setViewportSize({ width, height: 844 });
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wider, 0, `${path} at ${width}`);
      }
    });
  }
});

test("hostile names stay text", async () => {
  const capture = readFileSync(testdata("kernel/close_wait_leak.client.pcapng"));
  const names = ["<img src=x onerror=alert(1)>.pcapng", "'><script>alert(2)<", "&lt;b&gt;\"onload=\"alert(3).pcapng", "\u202Egnp.<svg onload=alert(4)>"];
  for (const name of names) {
    const path = report(file(name.replaceAll("/", "_"), capture));
    await open(path, {}, async (page) => {
      assert.equal(await page.locator("img, iframe, object").count(), 0);
      assert.equal(await page.locator("script").count(), 2);
      const shown = name.replaceAll("/", "_").replaceAll("\u202E", "\\u{202e}");
      assert.equal(await page.locator("h1").textContent(), shown);
      assert.ok((await page.title()).startsWith(shown));
    });
  }
});

test("an injected script does not run", async () => {
  const html = readFileSync(leak, "utf8").replace("</main>", "<script>document.title='run'</script><p style='position:fixed' onclick='1'>x</p></main>");
  const path = file("injected.html", html);
  await assert.rejects(open(path, {}, async (page) => {
    assert.notEqual(await page.title(), "run");
    assert.equal(await page.locator("main > p").last().evaluate((one) => getComputedStyle(one).position), "static");
  }), /Content Security Policy/);
});

test("everything that acts or shows has a name", async () => {
  for (const path of [leak, soak]) {
    await open(path, {}, async (page) => {
      await page.locator("#rows").focus();
      await page.keyboard.press("ArrowDown");
      const nameless = await page.evaluate(() => {
        const named = (one) => (one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent || "").trim() !== "" ||
          document.getElementById(one.getAttribute("aria-labelledby") || "-");
        const all = document.querySelectorAll("a, button, input, select, summary, section, nav, [tabindex='0'], [role='img'], [role='option'], [role='region']");
        return [...all].filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 120));
      });
      assert.deepEqual(nameless, []);
      const headings = await page.evaluate(() => [...document.querySelectorAll("h1, h2, h3, h4")].map((one) => Number(one.tagName[1])));
      headings.reduce((before, now) => { assert.ok(now <= before + 2, "a heading is skipped"); return now; }, 0);
      const ids = await page.evaluate(() => [...document.querySelectorAll("[id]")].map((one) => one.id));
      assert.equal(new Set(ids).size, ids.length, "an id stands twice");
      assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    });
  }
});

test("text has a contrast of 4.5 to what it stands on", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const path of [leak, soak]) {
      await open(path, { colorScheme }, async (page) => {
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
        const poor = await page.evaluate(contrasts);
        assert.deepEqual(poor, [], colorScheme);
      });
    }
  }
});

/** In the page: text whose colour is too near to that behind it. */
function contrasts() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] / 255 + below[at] * (1 - top[3] / 255));
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((one, two) => two - one); return (x + 0.05) / (y + 0.05); };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, .sr, .skip, title, [hidden]")) continue;
    const style = getComputedStyle(element);
    const drawn = element.closest("svg");
    if (drawn && !element.closest(".strip, .legend")) continue; // pictures have tests of their own
    let behind = [255, 255, 255];
    const layers = [];
    if (drawn) {
      const rect = element.closest("g, svg").querySelector("rect.s");
      if (rect) layers.push(rgba(getComputedStyle(rect).fill));
      const quiet = element.closest("g, svg").querySelector("rect.quiet");
      if (quiet) layers.unshift(rgba(getComputedStyle(quiet).fill));
    }
    for (let one = drawn ? drawn.parentElement : element; one; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor));
    for (const layer of layers.reverse()) behind = over(layer, behind);
    const front = over(rgba(drawn ? style.fill : style.color), behind);
    if (ratio(front, behind) < 4.5) poor.add(`${element.className.baseVal ?? element.className} "${node.textContent.trim().slice(0, 30)}" ${ratio(front, behind).toFixed(2)}`);
  }
  return [...poor];
}
