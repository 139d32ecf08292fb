/// <reference types="vite/client" />

/** Version of lacec, from its package.json. */
declare const LACEC_VERSION: string;
/** Names of the examples that have a thumbnail, `gallery/NAME.webp`. */
declare const STUDIO_GALLERY: readonly string[];
