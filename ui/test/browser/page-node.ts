//! The loopback page of a pretend node: a release build of the UI and the four addresses of its interface.

import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

import type { Command } from '../../src/generated/Command';
import type { Snapshot } from '../../src/generated/Snapshot';
import { contentSecurityPolicy } from '../../vite.config';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** A pretend node that can be stopped and started again on its port. */
export class PageNode {
  readonly commands: Command[] = [];
  /** What the next command is answered with, if not 204. */
  refusal: { status: number; body: unknown } | undefined;
  readonly #listeners = new Set<ServerResponse>();
  #server: Server | undefined;
  #port = 0;

  constructor(
    readonly dist: string,
    readonly token: string,
    public snapshot: Snapshot,
  ) {}

  get address(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', this.address);
      const given = request.headers.authorization?.replace('Bearer ', '') ?? url.searchParams.get('token');
      if (!url.pathname.startsWith('/api/')) void this.#file(url.pathname, response);
      else if (given !== this.token) response.writeHead(401).end();
      else if (url.pathname === '/api/snapshot') response.end(JSON.stringify(this.snapshot));
      else if (url.pathname === '/api/events') this.#listen(response);
      else if (url.pathname === '/api/export') {
        const disposition = 'attachment; filename="streamr-earnings.csv"';
        response.writeHead(200, { 'Content-Type': 'text/csv', 'Content-Disposition': disposition }).end('hour_utc\r\n');
      }
      else {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          this.commands.push(JSON.parse(body) as Command);
          if (this.refusal) response.writeHead(this.refusal.status).end(JSON.stringify(this.refusal.body));
          else response.writeHead(204).end();
        });
      }
    });
    await new Promise<void>((done) => server.listen(this.#port, '127.0.0.1', done));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Ends as a killed process would: every connection is cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#listeners.clear();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    this.#server = undefined;
  }

  show(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    for (const listener of this.#listeners) listener.write(`data: ${JSON.stringify(snapshot)}\n\n`);
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(this.snapshot)}\n\n`);
    this.#listeners.add(response);
    response.on('close', () => this.#listeners.delete(response));
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const name = path === '/' ? '/index.html' : path;
    try {
      const body = await readFile(join(this.dist, name));
      response.writeHead(200, {
        'Content-Type': types[extname(name)] ?? 'application/octet-stream',
        'Content-Security-Policy': contentSecurityPolicy,
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}
