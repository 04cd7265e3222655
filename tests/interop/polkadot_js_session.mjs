// Runs @polkadot/api against the endpoint of the first argument and prints one JSON object: what it saw.
// The package lies in the working directory's node_modules, so it is resolved from there.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const { ApiPromise, WsProvider, Keyring } = require('@polkadot/api');
const { cryptoWaitReady } = require('@polkadot/util-crypto');

const DEADLINE_MS = 30_000;
const AMOUNT_RAO = 2_500_000_000n;

function within(promise, what) {
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error(`${what}: too late`)), DEADLINE_MS).unref())]);
}

async function transfer(api, sender, receiver) {
  const statuses = [];
  return within(new Promise((resolve, reject) => {
    api.tx.balances.transferKeepAlive(receiver, AMOUNT_RAO).signAndSend(sender, ({ status, dispatchError, events }) => {
      statuses.push(status.type);
      if (dispatchError) reject(new Error(dispatchError.toString()));
      if (!status.isFinalized) return;
      const fee = events.find(({ event }) => api.events.transactionPayment.TransactionFeePaid.is(event)).event.data[1];
      resolve({ statuses, fee_rao: fee.toString(), block: status.asFinalized.toHex() });
    }).catch(reject);
  }), 'transfer');
}

async function session(endpoint) {
  await cryptoWaitReady();
  const provider = new WsProvider(endpoint, false);
  await provider.connect();
  const api = await within(ApiPromise.create({ provider, noInitWarn: true }), 'connect');
  const keyring = new Keyring({ type: 'sr25519' });
  const [sender, receiver] = [keyring.addFromUri('//Charlie'), keyring.addFromUri('//Interop//javascript')];

  const heads = [];
  const unsubscribe = await api.rpc.chain.subscribeNewHeads((header) => heads.push(header.number.toNumber()));
  const balances = [];
  const stop = await api.query.system.account(receiver.address, ({ data }) => balances.push(data.free.toString()));
  const sent = await transfer(api, sender, receiver.address);
  const networks = await api.query.subtensorModule.networksAdded.entries();
  const seen = {
    chain: (await api.rpc.system.chain()).toString(),
    spec_version: api.runtimeVersion.specVersion.toNumber(),
    ss58_prefix: api.registry.chainSS58,
    decimals: api.registry.chainDecimals[0],
    head: (await api.rpc.chain.getHeader()).number.toNumber(),
    free_rao: (await api.query.system.account(receiver.address)).data.free.toString(),
    existential_deposit_rao: api.consts.balances.existentialDeposit.toString(),
    networks: networks.map(([key]) => key.args[0].toNumber()).sort((a, b) => a - b),
    price_rao: (await api.call.swapRuntimeApi.currentAlphaPrice(0)).toString(),
    neurons: (await api.call.neuronInfoRuntimeApi.getNeuronsLite(0)).length,
    sent, heads, balances,
  };
  unsubscribe();
  stop();
  await api.disconnect();
  return seen;
}

// The library keeps timers running after it disconnects, so the process ends by itself.
const seen = JSON.stringify(await session(process.argv[2]));
process.stdout.write(seen, () => process.exit(0));
