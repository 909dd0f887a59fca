import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { file, open, report, testdata } from "./browser.mjs";

const leak = report(testdata("kernel/close_wait_leak.client.pcapng"));
const soak = report(testdata("kernel/soak.client.pcap"));
const simultaneous = report(testdata("kernel/simultaneous_close.client.pcap"));
const empty = report(testdata("kernel/tw_syn_low_isn.client.pcap"), "--port", "1");

/** The states of a lane as its label says them: `client ESTABLISHED, …; server …`. */
const lane = (page, id) => page.locator(`#rows .row[data-id="${id}"]`).getAttribute("aria-label");
/** The numbers of connections that a rule names. */
function numbers(packed) {
  const [more, last] = ["abcdefghijklmnopqrstuvwxyz012345", "ABCDEFGHIJKLMNOPQRSTUVWXYZ6789-_"];
  const words = packed.match(/[a-z0-5]*[A-Z6-9_-]/g).map((word) => [...word].reduce((value, letter) => value * 32 + Math.max(more.indexOf(letter), last.indexOf(letter)), 0));
  const all = new Set();
  let at = 0;
  for (let place = 0; place < words.length; place += 2) {
    const first = at + words[place];
    at = first + words[place + 1];
    for (let id = first; id <= at; id++) all.add(id);
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
    const rule = data.rules.find((one) => one[3]);
    await page.selectOption("#f-finding", rule[0]);
    const named = data.lanes.filter((one) => numbers(rule[3]).has(one[0])).length;
    assert.ok(named > 0);
    assert.equal(await count(page), `${named} of 600 lanes match.`);
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
    const boxes = () => page.locator("#rows .row").first().locator("rect.s").evaluateAll((all) => all.map((one) => [Number(one.getAttribute("x")), Number(one.getAttribute("width"))]));
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
    assert.match(await count(page), /lanes match/);
    const anchor = page.locator("#rows a.conn").first();
    const id = await anchor.getAttribute("data-id");
    const there = (await page.locator(`details#c${id}`).count()) === 1;
    await anchor.click();
    if (there) assert.equal(await page.locator(`details#c${id}`).evaluate((one) => one.open), true);
    else assert.match(await page.locator("#detail h3").textContent(), new RegExp(`^Connection ${id}:`));
  });
  await open(leak, {}, async (page) => {
    assert.ok((await page.locator("details.connection .drawing svg").count()) > 0);
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
