//! Finds out where the UI runs.

import { isTauri } from '@tauri-apps/api/core';

import type { Host } from './host';
import { HttpHost, takeToken } from './http';
import { TauriHost } from './tauri';

/** The host this page has: a fixture where asked for in a development or test build, the window, or the page. */
export async function chooseHost(): Promise<Host> {
  if (import.meta.env.DEV || import.meta.env.MODE === 'test') {
    const name = new URL(window.location.href).searchParams.get('mock');
    if (name !== null) {
      const { MockHost } = await import('../mock/mock-host');
      return new MockHost(name);
    }
  }
  if (isTauri()) return new TauriHost();
  return new HttpHost(takeToken(window.location, window.history, window.sessionStorage));
}
