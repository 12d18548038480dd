// npm's mariadb.
'use strict';

const mariadb = require('mariadb');
const { TEXT, GREETING, run, bigValue, asText, tlsOptions, loadFile } = require('./job.js');

run(async (job) => {
  const connection = await mariadb.createConnection({
    host: job.host,
    port: job.port,
    user: job.user,
    password: job.password,
    database: job.database,
    compress: Boolean(job.compress),
    permitLocalInfile: Boolean(job.infile),
    maxAllowedPacket: 64 * 1024 * 1024,
    ssl: job.tls ? tlsOptions(job.tls) : false,
  });
  const text = async (sql) => Object.values((await connection.query(sql))[0]);
  const prepared = async (sql, values) => Object.values((await connection.execute(sql, values))[0]);
  const big = bigValue(job);
  const facts = {
    driver: 'mariadb',
    ssl_cipher: (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1],
    ssl_version: (await text("SHOW STATUS LIKE 'Ssl_version'"))[1],
    user: (await text('SELECT CURRENT_USER()'))[0],
    database: (await text('SELECT DATABASE()'))[0],
    text: asText(await text(TEXT)),
    prepared: asText(await prepared('SELECT ? + 2 AS sum, ? AS text, ? AS nothing', [40, GREETING, null])),
    big_up: Number((await prepared('SELECT LENGTH(?)', [big]))[0]),
    big_intact: Buffer.from((await prepared('SELECT ?', [big]))[0]).equals(big),
    changed_user: null,
    changed_cipher: null,
  };
  if (job.compress) {
    facts.compression = (await text("SHOW STATUS LIKE 'Compression'"))[1];
  }
  await loadFile(job, facts, (sql) => connection.query(sql));
  // The driver itself refuses it for every server that isn't MariaDB, over a bug of MySQL's.
  if (connection.info.isMariaDB()) {
    await connection.changeUser({ user: job.other_user, password: job.other_password, database: job.database });
    facts.changed_user = (await text('SELECT CURRENT_USER()'))[0];
    facts.changed_cipher = (await text("SHOW STATUS LIKE 'Ssl_cipher'"))[1];
  }
  await connection.end();
  return facts;
});
