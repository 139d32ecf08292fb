// The service worker: the studio opens without a network after the first visit, and is isolated where the host gives no headers for it, so that WebAssembly has threads.
// In: requests of the page for its own files. Out: answers from the cache, and from the network what is not there. Invariants: of a build there is one cache, and older ones go; other
// addresses and the folder's requests are left alone.
declare const STUDIO_FILES: readonly string[];
declare const STUDIO_BUILD: string;

/** What is used of a service worker's scope; the types of pages have none. */
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", listen: (event: Waiting) => void): void;
  addEventListener(kind: "fetch", listen: (event: Fetching) => void): void;
}

const scope = self as unknown as Scope;
const CACHE = `studio-${STUDIO_BUILD}`;
/** What is fetched on the first visit beside the built files: the model and its labeller. */
const MODELS = ["models/avatar.safetensors", "models/avatar-labeller.onnx"];

scope.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll(STUDIO_FILES);
      // A site without the model is one all the same.
      await Promise.allSettled(MODELS.map((path) => cache.add(path)));
      await scope.skipWaiting();
    })(),
  );
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      await Promise.all(names.filter((n) => n.startsWith("studio-") && n !== CACHE).map((n) => caches.delete(n)));
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const own = new URL(scope.registration.scope);
  if (request.method !== "GET" || url.origin !== own.origin || !url.pathname.startsWith(own.pathname)) return;
  const path = url.pathname.slice(own.pathname.length);
  if (path.startsWith("api/")) return;
  event.respondWith(answer(request, path));
});

async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const isPage = path === "" || path === "index.html";
  // The page itself is asked for anew, so that a new build shows at once; what it names carries hashes.
  if (isPage) {
    const fresh = await fetch(request).catch(() => undefined);
    if (fresh?.ok === true) return isolated(fresh);
  }
  const found = await cache.match(isPage ? "index.html" : request, { ignoreSearch: true });
  if (found !== undefined) return isolated(found);
  const response = await fetch(request);
  if (response.ok && path.startsWith("models/")) void cache.put(request, response.clone());
  return isolated(response);
}

/** The same answer, with the headers that isolate a page. */
function isolated(response: Response): Response {
  if (response.status === 0 || response.type === "opaque") return response;
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  headers.set("cross-origin-resource-policy", "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
