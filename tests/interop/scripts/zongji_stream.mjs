// @vlasky/zongji: prints the rows of a server's binary log until as many have come as are wanted. The job is JSON.
import fs from 'node:fs';

// NODE_PATH counts for require() alone.
const { default: ZongJi } = await import(`${process.env.NODE_PATH}/@vlasky/zongji/index.js`);
const job = JSON.parse(process.argv[2]);
const read = (name) => fs.readFileSync(job[name]);
const stream = new ZongJi({
  host: '127.0.0.1', port: job.port, user: job.user, password: job.password,
  ssl: { ca: read('ca'), cert: read('cert'), key: read('key'), minVersion: 'TLSv1.3' },
  dateStrings: true,
});
const rows = [];
stream.on('error', (error) => { console.error(error); process.exit(1); });
stream.on('binlog', (event) => {
  if (!event.rows) return;
  for (const row of event.rows) rows.push([event.getEventName(), row.after ?? row]);
  if (rows.length >= job.rows) {
    console.log(JSON.stringify(rows));
    process.exit(0);
  }
});
stream.start({ includeEvents: ['tablemap', 'writerows', 'updaterows', 'deleterows'] });
