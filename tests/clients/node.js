// mysql2 or mariadb (npm) at work: prints what it got. See run, beside this file, for what is done and why.
//
// node.js MODULE HOST PORT SOCKET USER PASSWORD SCHEMA     (NODE_PATH names the folder of the modules)
'use strict';
const crypto = require('crypto');

const [name, host, port, socketPath, user, password, database] = process.argv.slice(2);
const isMysql2 = name === 'mysql2';
const driver = require(isMysql2 ? 'mysql2/promise' : 'mariadb');

function text(value) {
    return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : Buffer.isBuffer(v) ? v.toString('hex') : v));
}

function show(what, ...values) {
    console.log(what, ...values.map(text));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function connect(way = 'tcp', more = {}) {
    const options = { user, password, database, connectTimeout: 20000, ...more };
    if (isMysql2) {
        Object.assign(options, { supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, charset: 'utf8mb4' });
    } else {
        Object.assign(options, { dateStrings: true, bigIntAsNumber: false, allowPublicKeyRetrieval: true });
    }
    Object.assign(options, way === 'socket' ? { socketPath } : { host, port: Number(port) });
    if (way === 'tls') {
        options.ssl = { rejectUnauthorized: false };
    }
    return driver.createConnection(options);
}

// Rows, or what an OK says, however the driver returns them.
async function query(conn, sql, values) {
    const result = await conn.query(sql, values);
    return isMysql2 ? result[0] : result;
}

async function execute(conn, sql, values) {
    const result = await conn.execute(sql, values);
    return isMysql2 ? result[0] : result;
}

const rows = (result) => Array.from(result, (row) => Object.values(row));

async function failing(what, promise) {
    try {
        await promise;
        show(what, 'no error');
    } catch (error) {
        show(what, error.errno, error.code, error.sqlState, (error.sqlMessage || error.message).replace(/conn(ection)?[^,:]*\d+,?/g, ''));
    }
}

async function connecting() {
    for (const way of ['tcp', 'tls', 'socket']) {
        const conn = await connect(way);
        show(`connected by ${way}`, rows(await query(conn, 'SELECT VERSION(), DATABASE(), CURRENT_USER()')));
        await conn.end();
    }
    await failing('refused', connect('socket', { password: 'wrong' }).catch((error) => {
        throw { errno: error.errno, code: error.code, sqlState: error.sqlState, message: '' };
    }));
    await failing('refused', connect('socket', { database: 'missing' }).catch((error) => {
        throw { errno: error.errno, code: error.code, sqlState: error.sqlState, message: '' };
    }));
}

async function readingAndWriting(conn) {
    await query(conn, 'DROP TABLE IF EXISTS c_text, c_types');
    await query(conn, 'CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2)) CHARACTER SET utf8mb4');
    for (const run of [query, execute]) {
        await conn.beginTransaction();
        for (let i = 0; i < 200; i++) {
            await run(conn, 'INSERT INTO c_text (a, n) VALUES (?, ?)', [`Zeile ${i} \u{1f600} '"\\`, i / 4]);
        }
        const ok = await run(conn, 'UPDATE c_text SET n = n + 1 WHERE id <= ?', [10]);
        show('updated', ok.affectedRows);
        await conn.commit();
        const inserted = await run(conn, 'INSERT INTO c_text (a) VALUES (?)', [null]);
        show('inserted', Number(inserted.insertId), inserted.affectedRows);
        show('read', rows(await run(conn, 'SELECT * FROM c_text WHERE id IN (?, ?, ?) ORDER BY id', [1, 7, 200])));
        show('sum', rows(await run(conn, 'SELECT SUM(n), COUNT(*) FROM c_text')));
        show('none', rows(await run(conn, 'SELECT * FROM c_text WHERE id = ?', [-1])));
    }
    if (!isMysql2) {
        const batch = await conn.batch('INSERT INTO c_text (a, n) VALUES (?, ?)', [['b1', 1], ['b2', 2], [null, 3]]);
        show('batch', batch.affectedRows);
    }
}

async function types(conn) {
    await query(conn, `CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10),
        f DOUBLE, dt DATETIME(6) NULL, da DATE, t TIME(6), s VARCHAR(300), b LONGBLOB, y YEAR, bits BIT(12), e ENUM('a','b'),
        tiny TINYINT(1), j JSON) CHARACTER SET utf8mb4`);
    const blob = Buffer.from(Array.from({ length: 2560 }, (_, i) => i % 256));
    const insert = `INSERT INTO c_types VALUES (NULL${', ?'.repeat(14)})`;
    await execute(conn, insert, ['-9223372036854775808', '0', '-123456789012345678901234567890.0123456789', -1.5e300,
        '1000-01-01 00:00:00', '9999-12-31', '-838:59:59', '', Buffer.alloc(0), 1901, Buffer.from([0]), 'a', 0, '{}']);
    await query(conn, insert, ['9223372036854775807', '18446744073709551615', '0.0000000001', 2.5e-300,
        '9999-12-31 23:59:59.999999', '1000-01-01', '838:59:59', '\u00fc\u20ac\u{1f600}'.repeat(90), blob, 2155,
        Buffer.from([15, 255]), 'b', 1, '{"a": [1, null, "\u20ac"]}']);
    await execute(conn, insert, Array(14).fill(null));
    for (const run of [query, execute]) {
        show('types', rows(await run(conn, 'SELECT * FROM c_types ORDER BY id')));
    }
}

async function transactions(conn) {
    const other = await connect();
    await execute(other, 'DROP TABLE IF EXISTS c_nowhere'); // a write of its own: a replica that has it has all before it
    await conn.beginTransaction();
    await execute(conn, 'UPDATE c_text SET n = -1 WHERE id = ?', [1]);
    show('not yet seen elsewhere', rows(await execute(other, 'SELECT n FROM c_text WHERE id = ?', [1])));
    show('seen here', rows(await execute(conn, 'SELECT n FROM c_text WHERE id = ?', [1])));
    await query(other, 'SET innodb_lock_wait_timeout = 1');
    await failing('locked', execute(other, 'UPDATE c_text SET n = 5 WHERE id = ?', [1]));
    await conn.rollback();
    show('as before', rows(await execute(conn, 'SELECT n FROM c_text WHERE id = ?', [1])));
    await other.end();
}

async function errors(conn) {
    for (const sql of ['SELECT * FROM missing', 'SELEC 1', 'INSERT INTO c_text (id) VALUES (1)',
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", 'INSERT INTO c_types (u) VALUES (-1)']) {
        await failing('error', query(conn, sql));
    }
    await failing('prepared error', execute(conn, 'SELECT * FROM missing WHERE a = ?', [1]));
    await query(conn, "DO CAST('x' AS SIGNED)");
    show('warnings', rows(await query(conn, 'SHOW WARNINGS')));
}

async function big(conn) {
    for (const run of [query, execute]) {
        const sha = crypto.createHash('sha256');
        const all = await run(conn, 'SELECT a.id * 1000 + b.id AS x, REPEAT(\'y\', 100) AS z FROM c_text a, c_text b WHERE b.id <= ? ORDER BY x', [100]);
        all.forEach((row) => sha.update(text(Object.values(row))));
        show('many rows', all.length, sha.digest('hex'));
    }
    const blob = Buffer.alloc(17000000, 'sluice');
    await conn.beginTransaction();
    await execute(conn, 'INSERT INTO c_types (b) VALUES (?)', [blob]);
    const got = rows(await execute(conn, 'SELECT b FROM c_types WHERE id = LAST_INSERT_ID()'))[0][0];
    show('a big value', got.length, got.equals(blob));
    await conn.rollback();
}

async function timeOuts(conn) {
    show('own id', rows(await query(conn, 'SELECT CONNECTION_ID() = ?', [conn.threadId])));
    const killer = await connect();
    const sleeping = query(conn, 'SELECT SLEEP(30) AS s').then((all) => Number(Object.values(all[0])[0]) === 1, (error) => error.errno === 1317);
    await pause(500);
    await query(killer, 'KILL QUERY ?', [conn.threadId]);
    show('cancelled', await sleeping);
    show('goes on', rows(await query(conn, 'SELECT 1')));
    conn.on('error', () => {});
    await query(killer, 'KILL ?', [conn.threadId]);
    let killed = false;
    for (let i = 0; i < 100 && !killed; i++) {
        await query(conn, 'SELECT 1').catch(() => { killed = true; });
        await pause(50);
    }
    show('killed', killed);
    conn.destroy();
    await killer.end();
}

async function pooled() {
    const pool = (isMysql2 ? driver.createPool : driver.createPool)({ host, port: Number(port), user, password, database,
        connectionLimit: 4, allowPublicKeyRetrieval: true, resetAfterUse: true });
    const numbers = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query('SELECT ? + 1 AS n', [i])));
    show('pool', numbers.map((result) => Number((isMysql2 ? result[0] : result)[0].n)));
    await pool.end();
}

async function main() {
    await connecting();
    let conn = await connect();
    for (const step of [readingAndWriting, types, transactions, errors, big, timeOuts, pooled]) {
        await step(conn);
    }
    conn = await connect();
    show('again', rows(await query(conn, 'SELECT COUNT(*) FROM c_text')));
    await query(conn, 'DROP TABLE c_text, c_types');
    await conn.end();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
