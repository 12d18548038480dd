// npm's mysql, which has no prepared statements: parameters go in the text.
'use strict';

const { promisify } = require('node:util');
const mysql = require('mysql');
const { TEXT, GREETING, run, bigValue, asText, tlsOptions, loadFile } = require('./job.js');

run(async (job) => {
  const connection = mysql.createConnection({
    host: job.host,
    port: job.port,
    user: job.user,
    password: job.password,
    database: job.database ?? undefined,
    charset: 'utf8mb4',
    ssl: job.tls ? tlsOptions(job.tls) : undefined,
  });
  await promisify(connection.connect.bind(connection))();
  const query = promisify(connection.query.bind(connection));
  const text = async (sql, values) => Object.values((await query(sql, values))[0]);
  const big = bigValue(job);
  const facts = {
    driver: 'mysql',
    ssl_cipher: (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1],
    ssl_version: (await text("SHOW STATUS LIKE 'Ssl_version'"))[1],
    user: (await text('SELECT CURRENT_USER()'))[0],
    database: (await text('SELECT DATABASE()'))[0],
    text: asText(await text(TEXT)),
    prepared: asText(await text('SELECT ? + 2 AS sum, ? AS text, ? AS nothing', [40, GREETING, null])),
    big_up: Number((await text('SELECT LENGTH(?)', [big.toString()]))[0]),
    big_intact: Buffer.from((await text('SELECT ?', [big.toString()]))[0]).equals(big),
  };
  await loadFile(job, facts, query);
  const change = promisify(connection.changeUser.bind(connection));
  await change({ user: job.other_user, password: job.other_password, database: job.database ?? undefined });
  facts.changed_user = (await text('SELECT CURRENT_USER()'))[0];
  facts.changed_cipher = (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1];
  await promisify(connection.end.bind(connection))();
  return facts;
});
