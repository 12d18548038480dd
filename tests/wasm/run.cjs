// `node run.cjs <module.js>`: runs the tests of a module that `sealwire-bindgen --node` wrote, as wasm-bindgen's own runner does. That one
// comes with a command-line program that takes longer to build than all the rest.
const path = require("node:path");

// What a test prints is kept, and shown where the test fails.
const handlers = {};
global.__wbgtest_og_console_log = console.log;
for (const method of ["debug", "log", "info", "warn", "error"]) {
  console[method] = (...words) => handlers[method]?.(words);
}
const tests = require(path.resolve(process.argv[2]));
for (const method of ["debug", "log", "info", "warn", "error"]) handlers[method] = tests[`__wbgtest_console_${method}`];
global.__wbg_test_invoke = (test) => test();

const named = Object.keys(tests.__wasm).filter((name) => name.startsWith("__wbgt_"));
const context = new tests.WasmBindgenTestContext(false);
context.run(named.map((name) => tests.__wasm[name])).then((passed) => process.exit(passed && named.length > 0 ? 0 : 1));
