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

const TABLE = {
  schema: "shop",
  name: "staff",
  columns: [
    { name: "id", type: "BIGINT", kind: "bigint" },
    { name: "name", type: "VARCHAR", kind: "string" },
    { name: "photo", type: "BLOB", kind: "bytes" },
  ],
  key: ["id"],
};

const transaction = (changes, more = {}) => ({
  gtid: "0-1-5",
  serverId: 1,
  time: new Date(0),
  file: "bin.000001",
  position: 400,
  changes,
  omitted: 0,
  isRolledBack: false,
  ...more,
});

test("a change is shown by its key and by what has changed", async () => {
  const { rowsOf, keyText, beforeText, afterText, isChanged } = await compiled("changes/row.ts");
  const all = () => true;
  const before = { id: 7n, name: "Ada", photo: new Uint8Array([0, 255]) };
  const rows = rowsOf(
    transaction([
      { kind: "insert", table: TABLE, after: before },
      { kind: "update", table: TABLE, before, after: { ...before, name: null } },
      // As with binlog_row_image=MINIMAL.
      { kind: "update", table: TABLE, before: { id: 7n }, after: { name: "Grace" } },
      { kind: "delete", table: TABLE, before },
      { kind: "statement", schema: "shop", sql: "DROP TABLE staff" },
    ]),
    all,
  );
  const shown = rows.map((row) => [row.kind, row.table.name, keyText(row), beforeText(row), afterText(row)]);
  assert.deepEqual(shown, [
    ["INSERT", "shop.staff", "id=7", "", "id=7, name=Ada, photo=0x00FF"],
    ["UPDATE", "shop.staff", "id=7", "name=Ada", "name=NULL"],
    ["UPDATE", "shop.staff", "id=7", "", "name=Grace"],
    ["DELETE", "shop.staff", "id=7", "id=7, name=Ada, photo=0x00FF", ""],
    ["STATEMENT", "shop", "", "", "DROP TABLE staff"],
  ]);
  assert.deepEqual([0, 1, 2].map((column) => isChanged(rows[1], column)), [false, true, false]);
  assert.equal(rows[0].transaction, rows[4].transaction, "it is posted once");
  const [long, note] = rowsOf(transaction([{ kind: "insert", table: TABLE, after: { id: 1n, name: "x".repeat(5000) } }], { omitted: 1234 }), all);
  assert.equal(long.after[1].length, 2001);
  assert.deepEqual([note.kind, note.text], ["FURTHER", "1,234 further changes of this transaction are not kept"]);
});

test("changes are filtered by words of their tables' names", async () => {
  const { filterOf, rowsOf } = await compiled("changes/row.ts");
  const named = (text) => ["shop.staff", "shop.orders", "log.hits"].filter(filterOf(text));
  assert.deepEqual(named("  "), ["shop.staff", "shop.orders", "log.hits"]);
  assert.deepEqual(named("SHOP."), ["shop.staff", "shop.orders"]);
  assert.deepEqual(named("staff, hits"), ["shop.staff", "log.hits"]);
  assert.deepEqual(named("[a-z]"), [], "it is no pattern");
  const changes = [{ kind: "insert", table: TABLE, after: { id: 1n } }, { kind: "statement", schema: "log", sql: "x" }];
  assert.deepEqual(rowsOf(transaction(changes), filterOf("log")).map(({ kind }) => kind), ["STATEMENT"]);
});

test("of the changes the newest are kept, and a filter hides without forgetting", async () => {
  const { ChangeRows, MOST_ROWS } = await compiled("changes/rows.ts");
  const { filterOf } = await compiled("changes/row.ts");
  const row = (name, text = "", kind = "STATEMENT") => ({ kind, transaction: { time: 0 }, table: { name, columns: [] }, text });
  const rows = new ChangeRows();
  assert.equal(rows.push([row("a", "1"), row("b", "2"), row("", "3", "FURTHER")]), 0);
  rows.filter(filterOf("b"));
  assert.deepEqual([rows.length, rows.text(0, 5), rows.text(1, 5), rows.text(2, 5)], [2, "2", "3", ""]);
  // Of those that go, the hidden one is not counted.
  assert.equal(rows.push(Array.from({ length: MOST_ROWS - 1 }, (_, index) => row("b", String(index + 4)))), 1);
  assert.deepEqual([rows.length, rows.text(0, 5)], [MOST_ROWS, "3"]);
  rows.filter(filterOf(""));
  assert.deepEqual([rows.length, rows.text(MOST_ROWS - 1, 5)], [MOST_ROWS, String(MOST_ROWS + 2)]);
  // Long values are kept up to a number of characters.
  rows.clear();
  rows.push([row("a", "x".repeat(9_000_000)), row("a", "y".repeat(9_000_000))]);
  assert.deepEqual([rows.length, rows.text(0, 5)[0]], [1, "y"]);
});

test("a place in the log is a file with a position, or GTIDs", async () => {
  const { placeOf } = await compiled("changes/start.ts");
  assert.deepEqual(placeOf("file", " bin.000001:4096 "), { file: "bin.000001", position: 4096 });
  assert.deepEqual(placeOf("file", "bin.000001"), { file: "bin.000001" });
  assert.deepEqual(placeOf("file", ""), { file: "" });
  assert.deepEqual(placeOf("gtid", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"), { gtid: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5" });
});

test("texts of a log are read in their columns' character sets", async () => {
  const { decoderOf } = await compiled("../../wasm/js/charset.ts");
  const read = (collation, ...bytes) => decoderOf(collation)?.decode(new Uint8Array(bytes));
  for (const [collation, bytes, expected] of [
    [undefined, [0xc3, 0xa9], "é"],
    [45, [0xc3, 0xa9], "é"],
    [255, [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
    [8, [0xe9], "é"],
    [1071, [0xe9], "é"],
    [51, [0xe9], "й"],
    [35, [0x04, 0x39], "й"],
    [2308, [0xd0, 0xb9], "й"],
    [2600, [0x04, 0x39], "й"],
    [95, [0x82, 0xa0], "あ"],
    [60, [0, 0, 4, 0x39], undefined],
    [4, [0x82], undefined],
    [3100, [0, 0, 4, 0x39], undefined],
  ]) {
    assert.equal(read(collation, ...bytes), expected, String(collation));
  }
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
