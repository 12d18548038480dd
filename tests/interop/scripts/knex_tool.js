// knex on mysql2: tables, and a query that its builder made.
'use strict';

const knex = require('knex');
const { run, tlsOptions } = require('./job.js');

run(async (job) => {
  const { host, port, user, password, database } = job;
  const ssl = { ...tlsOptions({ ca: job.ca }), verifyIdentity: true };
  const connection = { host, port, user, password, database, ssl, dateStrings: true };
  // A refused connection is an answer at once, and not tried again for a minute.
  const db = knex({ client: 'mysql2', connection, pool: { min: 0, propagateCreateError: true } });
  try {
    const status = async (name) => (await db.raw('SHOW STATUS LIKE ?', [name]))[0][0].Value;
    const listed = await db('information_schema.tables')
      .select({ name: 'table_name' })
      .where('table_schema', database)
      .orderBy('table_name');
    const rows = await db('item').select('id', 'name', 'price', 'made', 'active').orderBy('id');
    const [{ n }] = await db('item').count({ n: '*' });
    const grouped = await db('item').select('active').count({ n: 'id' }).groupBy('active').orderBy('active');
    return {
      ssl_cipher: await status('Ssl_cipher'),
      ssl_version: await status('Ssl_version'),
      tables: listed.map((row) => row.name),
      rows: rows.map((row) => [row.id, row.name, row.price, row.made, row.active === 1]),
      count: n,
      extra: {
        has: [await db.schema.hasTable('item'), await db.schema.hasTable('none')],
        column: await db.schema.hasColumn('item', 'price'),
        filtered: (await db('item').whereNull('price').orWhere('price', '<', 5).orderBy('name', 'desc')).map((row) => row.name),
        grouped: grouped.map((row) => row.n),
        transaction: await db.transaction(async (trx) => (await trx('item').where({ id: 2 }).first()).name),
      },
    };
  } finally {
    await db.destroy();
  }
});
