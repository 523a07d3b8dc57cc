// Node 20 reads no TypeScript by itself; Vite does.
import { runnerImport } from 'vite';

await runnerImport('./test/browser/pictures.ts', { configFile: false });
