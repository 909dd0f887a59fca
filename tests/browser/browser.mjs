// Chromium without a screen, with a profile of its own that is removed afterwards.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
export const testdata = (name) => join(here, "../../testdata", name);

const folder = mkdtempSync(join(tmpdir(), "report-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** Writes the report of a capture; returns its path. */
export function report(...args) {
  const path = join(folder, `${++files}.html`);
  execFileSync(process.env.PROGRAM, [...args, "--html", path], { stdio: ["ignore", "ignore", "inherit"] });
  return path;
}

/** A file of this test run. */
export function file(name, octets) {
  const path = join(folder, name);
  writeFileSync(path, octets);
  return path;
}

/** Opens a report and hands its page to `look`. Fails on errors in the console and on any request but that for the file. */
export async function open(path, options, look) {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    headless: true,
    viewport: { width: 1280, height: 900 },
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
    ...options,
  });
  try {
    const page = await context.newPage();
    const troubles = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) troubles.push(message.text()); });
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("dialog", (dialog) => { troubles.push("a dialog: " + dialog.message()); dialog.dismiss(); });
    const address = pathToFileURL(path).href;
    page.on("request", (request) => { if (request.url() !== address) troubles.push("a request for " + request.url()); });
    await page.goto(address);
    await look(page);
    if (troubles.length) throw new Error(troubles.join("\n"));
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
