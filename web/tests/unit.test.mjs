// The page's logic that needs no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** A module of the page, compiled. */
async function compiled(path) {
  const entry = fileURLToPath(new URL(`../src/${path}`, import.meta.url));
  const options = { configFile: false, logLevel: "error", build: { write: false, lib: { entry, formats: ["es"] }, minify: false } };
  const [{ output }] = [await build(options)].flat();
  return import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`);
}

test("an error that nobody catches shows its way out", async () => {
  const { SealwireError, misuse } = await compiled("../../wasm/js/error.ts");
  const error = misuse("the option bridge is missing: $& $1", "give it as wss://host/tcp/NAME");
  assert.ok(error instanceof SealwireError);
  assert.equal(error.message, "the option bridge is missing: $& $1");
  assert.match(error.stack, /^\w*Error: the option bridge is missing: \$& \$1\ngive it as wss:\/\/host\/tcp\/NAME\n +at /);
  assert.match(misuse("no way out").stack, /^\w*Error: no way out\n +at /);
});

test("a link fills the form in, but takes no protection away", async () => {
  const { ofLink } = await compiled("preset.ts");
  const host = "page.example:8080";
  for (const mode of ["DISABLED", "PREFERRED", "REQUIRED", "verify_ca", "nonsense", ""]) {
    const preset = ofLink(`user=u&mode=${mode}`, host);
    assert.equal(preset.mode, undefined, mode);
    assert.match(preset.notice, /was not taken/);
    assert.equal(preset.user, "u");
  }
  for (const mode of ["VERIFY_CA", "VERIFY_IDENTITY"]) {
    const preset = ofLink(`mode=${mode}`, host);
    assert.deepEqual([preset.mode, preset.notice], [mode, undefined]);
  }
  assert.equal(ofLink("password=x&ca=y&token=z", host).password, undefined);
  for (const [bridge, foreign] of [
    [`ws://${host}/tcp/a`, false],
    ["wss://page.example:8080/tcp/a", false],
    ["wss://evil.example/tcp/a", true],
    ["ws://page.example:81/tcp/a", true],
    [`ws://${host}@evil.example/tcp/a`, true],
    ["nonsense", true],
    ["", true],
  ]) {
    assert.equal(ofLink(`bridge=${encodeURIComponent(bridge)}`, host).foreignBridge, foreign, bridge);
  }
  assert.equal(ofLink("", host).foreignBridge, undefined);
});

test("a field of CSV is no formula, and a number stays one", async () => {
  const { csvField } = await compiled("connect/csv.ts");
  for (const text of ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "\n=1", "-", "+", "=", "-1-1", "＝1+1", "+1e", "-0x5"]) {
    assert.equal(csvField(text), `"'${text}"`);
  }
  for (const text of ["-5", "+5", "-1.50", "-.5", "1e5", "-1E-5", "-838:59:59.5", "12", "a=b", "plain", "2020-01-01", "x@y.example"]) {
    assert.equal(csvField(text), text);
  }
  assert.equal(csvField('=HYPERLINK("x","y")'), `"'=HYPERLINK(""x"",""y"")"`);
  assert.equal(csvField('say "a", b'), '"say ""a"", b"');
  assert.equal(csvField(""), '""');
});
