//! The coordinator's public pages with answers of our own behind them, under the policy that the coordinator sends.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const pages = '../crates/coordinator';
const types: Record<string, string> = { js: 'text/javascript', css: 'text/css' };

/** Status and body by method and path below /v1/. */
export type Answers = Record<string, [number, unknown]>;

const supporter = (supporter: string, name: string, tier: string | null, bytes: number, live_s: number) => ({
  supporter,
  name,
  tier,
  bytes,
  live_s,
});
const supporters = [
  supporter('1', 'Ada', 'network_pioneer', 2_410_000_000_000, 2_100_000),
  supporter('2', 'Олена', 'stream_guardian', 310_000_000_000, 410_000),
  supporter('3', 'somebody with a name of forty characters!', 'node_operator', 4_200_000_000, 9_000),
  supporter('4', '<b>Bobby</b>', null, 12_000_000, 600),
];
const carried = { origin_bytes: 310_000_000_000, peer_bytes: 12_740_000_000_000 };
const month = Date.UTC(2026, 10, 2);

/** A network in its third month. */
export const busy: Answers = {
  'GET costs': [
    200,
    {
      as_of: month,
      days: 28,
      carried,
      entered: {
        currency: 'EUR',
        set_at: month,
        items: [
          { what: 'Server', amount: 18_000_000 },
          { what: 'Domain', amount: 1_200_000 },
        ],
        egress_per_gb: 50_000,
        egress: 15_500_000,
        total: 34_700_000,
        saved: 637_000_000,
      },
    },
  ],
  'GET streams': [
    200,
    {
      streams: [
        { stream: 'mira', streamer: 'Mira Okafor', title: 'Late-night synth building', live_since: month },
        { stream: 'olena', streamer: 'Олена Коваль', title: 'Акварель', live_since: null },
      ],
    },
  ],
  'GET leaderboard': [200, { as_of: month, supporters }],
  'GET streams/mira/impact': [
    200,
    {
      stream: 'mira',
      title: 'Late-night synth building',
      streamer: 'Mira Okafor',
      as_of: month,
      days: 28,
      live_s: 190_000,
      supporters: 23,
      carried,
      viewer_minutes: 424_666,
      saved: { amount: 637_000_000, currency: 'EUR' },
    },
  ],
  'GET streams/mira/supporters': [200, { stream: 'mira', as_of: month, supporters, unnamed: 19 }],
  'GET streams/mira/pool': [
    200,
    {
      stream: 'mira',
      as_of: month,
      days: 28,
      per_hour: { amount: 6_000_000, currency: 'EUR' },
      money: [{ currency: 'EUR', pool: 41_200_000, fund: 12_500_000, deposited: 100_000_000, paid: 58_120_000 }],
    },
  ],
  'POST streams/mira/thanks': [204, undefined],
  'GET accounts/me': [200, { handle: 'mira', role: 'streamer', standing: 'linked' }],
  'GET accounts/me/nodes': [200, { nodes: [{ node: 'ab'.repeat(32), claimed_at: month }] }],
  'GET accounts/me/streams': [200, { streams: ['mira'] }],
  'POST accounts/me/claims': [201, { code: 'k3v9q2m7x1', expires_at: month }],
};

const nobody: [number, unknown] = [401, { code: 'unauthorised', detail: 'Sign in first.' }];

/** The same, seen by whoever is not signed in. */
export const stranger: Answers = {
  ...busy,
  'GET streams/mira/pool': nobody,
  'GET accounts/me': nobody,
  'POST sessions': [401, { code: 'sign_in_failed', detail: 'The handle or password is wrong.' }],
};

/** The first day. */
export const empty: Answers = {
  ...stranger,
  'GET costs': [200, { as_of: month, days: 28, carried: { origin_bytes: 0, peer_bytes: 0 }, entered: null }],
  'GET streams': [200, { streams: [] }],
  'GET leaderboard': [200, { as_of: month, supporters: [] }],
  'GET streams/mira/impact': [
    200,
    {
      stream: 'mira',
      title: 'First light',
      streamer: 'Mira Okafor',
      as_of: month,
      days: 28,
      live_s: 0,
      supporters: 0,
      carried: { origin_bytes: 0, peer_bytes: 0 },
      viewer_minutes: null,
      saved: null,
    },
  ],
  'GET streams/mira/supporters': [200, { stream: 'mira', as_of: month, supporters: [], unnamed: 0 }],
};

/** Every page in every state: its path, who asks, and what must be there. */
export const publicScenes: { name: string; path: string; answers: Answers; expect: string }[] = [
  { name: 'public-network', path: '', answers: stranger, expect: 'tfoot' },
  { name: 'public-network-empty', path: '', answers: empty, expect: 'section' },
  { name: 'public-stream', path: 'streams/mira', answers: stranger, expect: 'table' },
  { name: 'public-stream-own', path: 'streams/mira', answers: busy, expect: 'select' },
  { name: 'public-stream-empty', path: 'streams/mira', answers: empty, expect: 'section' },
  { name: 'public-stream-unknown', path: 'streams/nobody', answers: busy, expect: '[role="alert"]' },
  { name: 'public-account', path: 'account', answers: busy, expect: 'code' },
  { name: 'public-account-stranger', path: 'account', answers: stranger, expect: '[type="password"]' },
];

/** A coordinator that serves its pages and these answers, below a path as a proxy may have it. */
export class PublicPages {
  readonly asked: { what: string; body: unknown }[] = [];
  answers: Answers = busy;
  #server: Server | undefined;
  address = '';

  async start(): Promise<void> {
    const source = await readFile(join(pages, 'src/handlers/pages.rs'), 'utf8');
    const policy = /const POLICY: &str = "([^;]+;[\s\S]*?)";\n/.exec(source)?.[1]?.replace(/\\\n\s*/g, '') ?? '';
    if (!policy.includes("default-src 'none'")) throw new Error('the pages have no policy');
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const path = new URL(request.url ?? '/', 'http://x').pathname.slice('/below/'.length);
        if (path.startsWith('v1/')) {
          const what = `${request.method ?? ''} ${path.slice(3)}`;
          this.asked.push({ what, body: body === '' ? undefined : (JSON.parse(body) as unknown) });
          const [status, said] = this.answers[what] ?? [404, { code: 'not_found', detail: 'No stream is registered so.' }];
          response.writeHead(status, { 'Content-Type': 'application/json' });
          response.end(said === undefined ? '' : JSON.stringify(said));
          return;
        }
        void this.#file(path.slice('page/'.length)).then(([type, text]) => {
          response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': policy }).end(text);
        });
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.#server = server;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/below/page/`;
  }

  async #file(name: string): Promise<[string, string]> {
    if (name === 'tokens.css') {
      const text = await readFile('src/lib/tokens.css', 'utf8');
      return ['text/css', text.slice(text.indexOf(':root'))];
    }
    const type = types[name.split('.')[1] ?? ''];
    if (type !== undefined) return [type, await readFile(join(pages, 'pages', name), 'utf8')];
    const html = await readFile(join(pages, 'pages/page.html'), 'utf8');
    return ['text/html', html.replaceAll('ROOT', name.includes('/') ? '..' : '.')];
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
