/// <reference types="vite/client" />

/** Version of lacec, from its package.json. */
declare const LACEC_VERSION: string;
