// What the Node driver scripts share: the job they are given and the facts they print, both JSON.
'use strict';

const fs = require('node:fs');

const TEXT = "SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing";
const GREETING = 'Grüße';

// Runs the driver on the job in the first argument. A refused connection is an answer, too.
async function run(driver) {
  const job = JSON.parse(process.argv[2]);
  let facts;
  try {
    facts = await driver(job);
  } catch (error) {
    // A tool on top of a driver tells the driver's reason as the cause.
    const causes = [error, error.cause].filter(Boolean).map((cause) => cause.message);
    facts = { error: `${error.code ?? error.name}: ${causes.join(': ')}` };
  }
  // A connection that a failure left open would keep the program running.
  process.stdout.write(`${JSON.stringify(facts)}\n`, () => process.exit(0));
}

// A large value whose every part tells where it belongs.
function bigValue(job) {
  return Buffer.alloc(job.big, 'abcdefghijklmnopqrstuvwxyz');
}

// A row as text, so that drivers of any typing compare.
function asText(row) {
  return Object.values(row).map((value) => (value === null ? null : String(value)));
}

// Node's TLS options: the chain and the name verified, in the one version asked for.
function tlsOptions(tls) {
  const options = { ca: fs.readFileSync(tls.ca), rejectUnauthorized: true };
  if (tls.cert) {
    options.cert = fs.readFileSync(tls.cert);
    options.key = fs.readFileSync(tls.key);
  }
  if (tls.version) {
    options.minVersion = tls.version;
    options.maxVersion = tls.version;
  }
  return options;
}

// Whether the file of LOAD DATA LOCAL was taken. The connection goes on where it was refused.
async function loadFile(job, facts, query) {
  if (!job.infile) {
    return;
  }
  try {
    await query(job.infile);
    facts.infile = 'loaded';
  } catch {
    facts.infile = 'refused';
  }
  await query('SELECT 1');
}

module.exports = { TEXT, GREETING, run, bigValue, asText, tlsOptions, loadFile };
