import { describe, expect, it } from "vitest";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import {
  bytesOf,
  dict,
  floatBytes,
  global,
  int,
  MARK,
  STOP,
  tensor,
  torchFile,
  tuple,
  unicode,
  type Part,
} from "../support/pickle.js";
import { writeZip } from "../support/zip.js";

const read = (bytes: Uint8Array) => openSource(bytes, "x.pkl", { name: "x", sha256: "" });
const pickle = (...parts: readonly Part[]): Uint8Array => bytesOf(0x80, 4, parts, STOP);
/** A network of TensorFlow with this state. */
const network = (state: Part): Part => [global("dnnlib.tflib.network", "Network"), ")", 0x81, state, "b"];
const MEMOIZE = 0x94;
const recall = (index: number): Part => ["h", index];

describe("files that mean harm", () => {
  it.each([
    ["posix", "system"],
    ["builtins", "eval"],
    ["torch.nn.modules.rnn", "LSTM"],
    ["numpy.core.multiarray", "fromfile"],
  ])("%s.%s is refused with its name and byte, and nothing is run", async (module, name) => {
    const harmless = pickle("N0", global(module, name), tuple(unicode("touch /tmp/x")), "R");
    await expect(read(harmless)).rejects.toThrow(new RegExp(`L5105: x.pkl: .*"${module}.${name}" at byte 4`));
    const stacked = pickle(unicode(module), unicode(name), 0x93, tuple(), "R");
    await expect(read(stacked)).rejects.toThrow(/L5105/);
    const zipped = torchFile([global(module, name), tuple(), "R"], {});
    await expect(read(zipped)).rejects.toThrow(/L5105/);
  });

  it("a dict that holds itself, in the place of a generator or its tensors, is no model", async () => {
    const itself: Part = ["}", MEMOIZE, MARK];
    for (const key of ["G_ema", "g_ema", "state_dict", "latent_avg"]) {
      await expect(read(pickle(itself, unicode(key), recall(0), "u"))).rejects.toThrow(/L510[79]/);
    }
  });

  it("modules that hold each other end", async () => {
    const persistent = (state: Part): Part => [
      global("torch_utils.persistence", "_reconstruct_persistent_obj"),
      tuple(dict({ class_name: unicode("G"), state })),
      "R",
    ];
    const loop = ["}", MEMOIZE];
    const generator = persistent([loop, MARK, unicode("_modules"), [recall(0)], "u"]);
    await expect(read(pickle(dict({ G_ema: generator })))).rejects.toThrow(/L5107/);
    const gs = network(["}", MEMOIZE, MARK, unicode("components"), recall(0), unicode("variables"), recall(0), "u"]);
    await expect(read(pickle(tuple("N", "N", gs)))).rejects.toThrow(/L5107/);
  });

  it("one storage under thousands of names is refused before it is copied", async () => {
    const count = 20_000;
    const one = tensor({ key: "0", count, shape: [100, 200], strides: [1, 100] });
    const names = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`net.${i}.weight`, one]));
    const file = torchFile(dict({ state_dict: dict({ ...names, "heads.weight": one }) }), {
      0: new Uint8Array(4 * count),
    });
    await expect(read(file)).rejects.toThrow(
      /L5106: x.pkl: its tensors have 4020000 elements, its storages only 20000/,
    );
  });

  it("one array under two names is refused", async () => {
    const dtype = [global("numpy", "dtype"), tuple(unicode("f4"), 0x89, 0x88), "R", tuple(int(3), unicode("<")), "b"];
    const array = [
      [
        global("numpy.core.multiarray", "_reconstruct"),
        tuple(global("numpy", "ndarray"), tuple(int(0)), ["C", 1, "b"]),
        "R",
      ],
      [tuple(int(1), tuple(int(1)), dtype, 0x89, ["C", 4, floatBytes(1)]), "b", MEMOIZE],
    ];
    const variables = ["]", MARK, tuple(unicode("a"), array), tuple(unicode("b"), recall(0)), "e"];
    const gs = network(dict({ variables, static_kwargs: "}", components: "}" }));
    await expect(read(pickle(tuple("N", "N", gs)))).rejects.toThrow(/L5107.*'b' is the array of another one/);
  });

  it.each([
    ["../../etc/data.pkl", {}],
    ["/abs/data.pkl", {}],
    ["a\\data.pkl", {}],
    ["x/data.pkl", { size: 0xffff_0000, packedSize: 20 }],
  ])("the zip entry %j that lies about itself is refused", async (name, lie) => {
    const file = writeZip([{ name, data: bytesOf(0x80, 2, "}", STOP, new Uint8Array(30)), deflate: true, lie }]);
    await expect(read(file)).rejects.toThrow(/L510[367]/);
  });
});
