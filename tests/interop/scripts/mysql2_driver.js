// npm's mysql2.
'use strict';

const fs = require('node:fs');

const mysql = require('mysql2/promise');
const { TEXT, GREETING, run, bigValue, asText, tlsOptions, loadFile } = require('./job.js');

run(async (job) => {
  const connection = await mysql.createConnection({
    host: job.host,
    port: job.port,
    user: job.user,
    password: job.password,
    database: job.database ?? undefined,
    charset: 'utf8mb4',
    compress: Boolean(job.compress),
    ssl: job.tls ? { ...tlsOptions(job.tls), verifyIdentity: true } : undefined,
  });
  const text = async (sql) => Object.values((await connection.query(sql))[0][0]);
  const prepared = async (sql, values) => Object.values((await connection.execute(sql, values))[0][0]);
  const big = bigValue(job);
  const facts = {
    driver: 'mysql2',
    ssl_cipher: (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1],
    ssl_version: (await text("SHOW STATUS LIKE 'Ssl_version'"))[1],
    user: (await text('SELECT CURRENT_USER()'))[0],
    database: (await text('SELECT DATABASE()'))[0],
    text: asText(await text(TEXT)),
    prepared: asText(await prepared('SELECT ? + 2 AS sum, ? AS text, ? AS nothing', [40, GREETING, null])),
    big_up: Number((await prepared('SELECT LENGTH(?)', [big]))[0]),
    big_intact: Buffer.from((await prepared('SELECT ?', [big]))[0]).equals(big),
  };
  if (job.compress) {
    facts.compression = (await text("SHOW STATUS LIKE 'Compression'"))[1];
  }
  await loadFile(job, facts, (sql) => connection.query({ sql, infileStreamFactory: (path) => fs.createReadStream(path) }));
  await connection.changeUser({ user: job.other_user, password: job.other_password, database: job.database ?? undefined });
  facts.changed_user = (await text('SELECT CURRENT_USER()'))[0];
  facts.changed_cipher = (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1];
  await connection.end();
  return facts;
});
