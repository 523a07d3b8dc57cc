import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

/** What every shell that serves this UI must allow, and no more. The browser test runs under it. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self' ipc: http://ipc.localhost",
  "font-src 'self'",
].join('; ');

export default defineConfig({
  // The page is served from the root of a loopback port and from Tauri's own scheme: paths stay relative.
  base: './',
  plugins: [svelte(), svelteTesting()],
  build: {
    // Nothing becomes a data: address; the policy's font-src would refuse it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    // A real node's page to develop against; it insists on its own Host header.
    proxy: process.env['STREAMR_PAGE'] ? { '/api': { target: process.env['STREAMR_PAGE'], changeOrigin: true } } : {},
  },
  preview: { headers: { 'Content-Security-Policy': contentSecurityPolicy } },
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          environment: 'happy-dom',
          include: ['src/**/*.test.ts', 'test/unit/**/*.test.ts'],
          setupFiles: ['test/unit/setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          environment: 'node',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // One Chromium after another: continuous integration has two cores.
          fileParallelism: false,
        },
      },
    ],
  },
});
