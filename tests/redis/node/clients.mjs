// ioredis and node-redis as they are, against keyturnd: what more_clients.py says in the environment.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import Redis from 'ioredis';
import { createClient } from '@redis/client';

const { RESP_PORT, RESP_TLS_PORT, RESP_USER, RESP_PASSWORD, RESP_CA } = process.env;
const ca = fs.readFileSync(RESP_CA);
const version = (name) => JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version;

function ioredis(more = {}) {
  return new Redis({
    host: '127.0.0.1', port: +RESP_PORT, username: RESP_USER, password: RESP_PASSWORD,
    connectionName: 'io', ...more,
  });
}

async function ioredisCommands() {
  const client = ioredis();
  const info = await client.client('INFO');
  assert.match(info, / name=io .* resp=3 lib-name=ioredis/);
  assert.equal(await client.set('io:1', 'a', 'EX', 3600), 'OK');
  assert.equal(await client.set('io:1', 'b', 'PX', 100500, 'GET'), 'a');
  assert.equal(await client.exists('io:1', 'io:none'), 1);
  assert.equal(await client.get('io:1'), 'b');
  assert.equal(await client.get('io:none'), null);
  assert.equal(await client.set('io:1', 'c', 'NX'), null);
  const pipe = client.pipeline();
  for (let i = 0; i < 100; i++) pipe.set(`io:p:${i}`, '1', 'EX', 100);
  assert.deepEqual((await pipe.exists('io:p:0', 'io:p:99', 'io:p:100').exec())[100], [null, 2]);
  const done = await client.multi().set('io:t', '1', 'EX', 60).exists('io:t').exec();
  assert.deepEqual(done, [[null, 'OK'], [null, 1]]);
  // Many callers at once share the connection.
  const asked = await Promise.all(Array.from({ length: 500 }, (_, i) => client.exists(`io:p:${i}`)));
  assert.equal(asked.reduce((a, b) => a + b), 100);

  const other = ioredis();
  const id = await client.client('ID');
  assert.equal(await other.client('KILL', 'ID', id), 1);
  assert.equal(await client.set('io:again', '1', 'EX', 60), 'OK');
  assert.notEqual(await client.client('ID'), id);
  await other.quit();
  client.disconnect();
}

async function ioredisElse() {
  const secure = ioredis({ port: +RESP_TLS_PORT, tls: { ca } });
  assert.equal(await secure.set('io:tls', '1', 'EX', 60), 'OK');
  assert.equal(await secure.quit(), 'OK');
  for (const [more, words] of [
    [{ password: 'wrong' }, /WRONGPASS/], [{ port: +RESP_TLS_PORT, tls: {} }, /certificate/],
  ]) {
    const refused = ioredis({ ...more, retryStrategy: null });
    const error = await new Promise((resolve) => refused.once('error', resolve));
    assert.match(String(error), words);
    refused.disconnect();
  }
}

function nodeRedis(socket = {}, more = {}) {
  return createClient({
    username: RESP_USER, password: RESP_PASSWORD, name: 'node',
    socket: { host: '127.0.0.1', port: +RESP_PORT, ...socket }, ...more,
  }).on('error', () => {});  // said again to those who wait for a reply
}

async function nodeRedisCommands(RESP) {
  const client = await nodeRedis({}, { RESP }).connect();
  const info = await client.sendCommand(['CLIENT', 'INFO']);
  assert.match(String(info), new RegExp(` name=node .* resp=${RESP} lib-name=node-redis`));
  assert.equal(await client.set('node:1', 'a', { EX: 3600 }), 'OK');
  assert.equal(await client.set('node:1', 'b', { PX: 100500, GET: true }), 'a');
  assert.equal(await client.exists(['node:1', 'node:none']), 1);
  assert.equal(await client.get('node:1'), 'b');
  assert.equal(await client.get('node:none'), null);
  const asked = await Promise.all(
    Array.from({ length: 500 }, (_, i) => client.set(`node:p:${i}`, '1', { EX: 100 })));
  assert.equal(asked.filter((said) => said === 'OK').length, 500);
  assert.deepEqual(await client.multi().set('node:t', '1', { EX: 60 }).exists('node:t').exec(), ['OK', 1]);
  assert.deepEqual(await client.multi().setEx('node:t', 60, '1').get('node:t').execAsPipeline(), ['OK', '1']);

  const other = await nodeRedis().connect();
  const id = await client.sendCommand(['CLIENT', 'ID']);
  const back = new Promise((resolve) => client.once('ready', resolve));
  assert.equal(await other.sendCommand(['CLIENT', 'KILL', 'ID', String(id)]), 1);
  await back;
  assert.equal(await client.set('node:again', '1', { EX: 60 }), 'OK');
  assert.notEqual(await client.sendCommand(['CLIENT', 'ID']), id);
  await Promise.all([client.close(), other.close()]);
}

async function nodeRedisElse() {
  const secure = await nodeRedis({ port: +RESP_TLS_PORT, tls: true, ca }).connect();
  assert.equal(await secure.set('node:tls', '1', { EX: 60 }), 'OK');
  await secure.close();
  const once = { reconnectStrategy: false };
  await assert.rejects(nodeRedis({ ...once, port: +RESP_TLS_PORT, tls: true }).connect(), /certificate/);
  await assert.rejects(nodeRedis(once, { password: 'wrong' }).connect(), /WRONGPASS/);
}

await ioredisCommands();
await ioredisElse();
console.log(`ioredis ${version('ioredis')}`);
await nodeRedisCommands(2);
await nodeRedisCommands(3);
await nodeRedisElse();
console.log(`node-redis ${version('@redis/client')}`);
