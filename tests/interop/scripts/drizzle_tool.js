// drizzle on mysql2: tables, and a query that its builder made.
'use strict';

const mysql = require('mysql2/promise');
const { and, asc, count, desc, eq, isNull, lt, or, sql } = require('drizzle-orm');
const { boolean, datetime, decimal, int, mysqlTable, varchar } = require('drizzle-orm/mysql-core');
const { drizzle } = require('drizzle-orm/mysql2');
const { run, tlsOptions } = require('./job.js');

const item = mysqlTable('item', {
  id: int('id').primaryKey(),
  name: varchar('name', { length: 50 }).notNull(),
  price: decimal('price', { precision: 10, scale: 2 }),
  made: datetime('made', { mode: 'string' }),
  active: boolean('active').notNull(),
});

run(async (job) => {
  const { host, port, user, password, database } = job;
  const ssl = { ...tlsOptions({ ca: job.ca }), verifyIdentity: true };
  const pool = mysql.createPool({ host, port, user, password, database, ssl });
  try {
    const db = drizzle(pool);
    const status = async (name) => (await db.execute(sql`SHOW STATUS LIKE ${name}`))[0][0].Value;
    const [listed] = await db.execute(sql`SHOW TABLES`);
    const rows = await db.select().from(item).orderBy(asc(item.id));
    const filtered = db.select({ name: item.name }).from(item).where(or(isNull(item.price), lt(item.price, '5')));
    const prepared = db.select().from(item).where(and(eq(item.id, sql.placeholder('id')), eq(item.active, true))).prepare();
    const [{ n }] = await db.select({ n: count() }).from(item);
    return {
      ssl_cipher: await status('Ssl_cipher'),
      ssl_version: await status('Ssl_version'),
      tables: listed.map((row) => Object.values(row)[0]),
      rows: rows.map((row) => [row.id, row.name, row.price, row.made, row.active]),
      count: n,
      extra: {
        filtered: (await filtered.orderBy(desc(item.name))).map((row) => row.name),
        prepared: (await prepared.execute({ id: 1 })).map((row) => row.name),
      },
    };
  } finally {
    await pool.end();
  }
});
