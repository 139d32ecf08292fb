// A pickle machine that cannot run anything: it rebuilds plain data, and objects only through an allow-list of names.
// In: the bytes of a pickle (protocols 0 to 5). Out: a PickleValue and the offset after its STOP.
// Invariants: every opcode consumes a byte, and no opcode copies a container; names that copy pay for it from a budget of the whole file.
// So time and memory are linear in the input;
// a name that is not allowed, an opcode that is not known and a read beyond the end are errors with the byte offset.
// Source: the opcode descriptions of Python's pickletools.
import { projectOf } from "./foreign-code.js";
import { modelError } from "../model-error.js";
import { Cursor, readLiteral } from "./pickle-literals.js";
import { WorkBudget } from "./work-budget.js";
import { newDict, type AllowList, type Fail, type PickleGlobal, type PickleValue } from "./pickle-value.js";

export interface PickleLimits {
  /** Open MARKs: how deep the containers of the pickle nest. */
  readonly depth: number;
  /** Opcodes, hence also values. */
  readonly opcodes: number;
}
const PICKLE_LIMITS: PickleLimits = { depth: 500, opcodes: 1_000_000 };

export interface UnpickleOptions {
  readonly file: string;
  readonly allow: AllowList;
  /** Answers a persistent id; without it one is an error. */
  readonly persistent?: (id: PickleValue, fail: Fail) => PickleValue;
  readonly limits?: PickleLimits;
  /** Of the file that this pickle is a part of; by default one of its own. */
  readonly budget?: WorkBudget;
}

/**
 * Reads one pickle that starts at `start`.
 * Errors LaceError L5104 (damaged, or an opcode that is not supported), L5105 (a name that is not allowed), L5106 (a limit).
 */
export function unpickle(
  bytes: Uint8Array,
  options: UnpickleOptions,
  start = 0,
): { readonly value: PickleValue; readonly end: number } {
  const cursor = new Cursor(bytes, options.file, start);
  const { opcodes } = options.limits ?? PICKLE_LIMITS;
  const budget = options.budget ?? new WorkBudget(options.file, bytes.byteLength, opcodes);
  const value = new Machine(cursor, options, budget).run();
  return { value, end: cursor.at };
}

const STOP = 0x2e;

class Machine {
  private readonly limits: PickleLimits;
  private stack: PickleValue[] = [];
  private readonly marks: PickleValue[][] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly cursor: Cursor,
    private readonly options: UnpickleOptions,
    private readonly budget: WorkBudget,
  ) {
    this.limits = options.limits ?? PICKLE_LIMITS;
  }

  run(): PickleValue {
    for (;;) {
      this.budget.step();
      const opcode = this.cursor.opcode();
      if (opcode === STOP) return this.pop();
      // `null` is Python's None; `undefined` says that the opcode makes nothing.
      const literal = readLiteral(this.cursor, opcode);
      const made = literal === undefined ? this.make(opcode) : literal;
      if (made !== undefined) this.stack.push(made);
      else this.change(opcode);
    }
  }

  /** Opcodes that push one new value. */
  private make(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 0x29: // EMPTY_TUPLE
        return { kind: "tuple", items: [] };
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return { kind: "tuple", items: this.popMany(opcode - 0x84) };
      case 0x74: // TUPLE
      case 0x91: // FROZENSET
        return { kind: "tuple", items: this.popMark() };
      case 0x5d: // EMPTY_LIST
      case 0x8f: // EMPTY_SET
        return { kind: "list", items: [] };
      case 0x6c: // LIST
        return { kind: "list", items: this.popMark() };
      case 0x7d: // EMPTY_DICT
        return newDict();
      case 0x64: // DICT
        return this.setItems(newDict(), this.popMark());
      case 0x32: // DUP
        return this.top();
      case 0x67: // GET
        return this.recall(this.memoIndex());
      case 0x68: // BINGET
        return this.recall(this.cursor.u8());
      case 0x6a: // LONG_BINGET
        return this.recall(this.cursor.u32());
      case 0x63: // GLOBAL
        return this.global(this.cursor.line(), this.cursor.line());
      case 0x93: // STACK_GLOBAL
        return this.global(...this.popMany(2));
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.call(...this.popMany(2));
      case 0x92: // NEWOBJ_EX
        return this.callWithKeywords(...this.popMany(3));
      case 0x51: // BINPERSID
        return this.persistent(this.pop());
      case 0x50: // PERSID
        return this.persistent(this.cursor.line());
      default:
        return undefined;
    }
  }

  /** Opcodes that change what is there. */
  private change(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.cursor.u8() > 5) throw this.cursor.fail("a protocol above 5");
        break;
      case 0x95: // FRAME: a hint for buffered reading
        this.cursor.take(8);
        break;
      case 0x28: // MARK
        if (this.marks.length >= this.limits.depth)
          throw modelError("L5106", this.options.file, `the pickle nests deeper than ${this.limits.depth} levels`);
        this.marks.push(this.stack);
        this.stack = [];
        break;
      case 0x30: // POP; where nothing is above a mark, it drops the mark
        if (this.stack.length === 0) this.popMark();
        else this.pop();
        break;
      case 0x31: // POP_MARK
        this.popMark();
        break;
      case 0x61: // APPEND
        this.append(this.popMany(1));
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.append(this.popMark());
        break;
      case 0x73: // SETITEM
        this.setTopItems(this.popMany(2));
        break;
      case 0x75: // SETITEMS
        this.setTopItems(this.popMark());
        break;
      case 0x70: // PUT
        this.memo.set(this.memoIndex(), this.top());
        break;
      case 0x71: // BINPUT
        this.memo.set(this.cursor.u8(), this.top());
        break;
      case 0x72: // LONG_BINPUT
        this.memo.set(this.cursor.u32(), this.top());
        break;
      case 0x94: // MEMOIZE
        this.memo.set(this.memo.size, this.top());
        break;
      case 0x62: // BUILD
        this.build();
        break;
      default:
        throw this.cursor.fail(`opcode 0x${opcode.toString(16).padStart(2, "0")} is not supported`);
    }
  }

  private top(): PickleValue {
    const top = this.stack.at(-1);
    if (top === undefined) throw this.cursor.fail("the stack is empty");
    return top;
  }
  private pop(): PickleValue {
    const top = this.stack.pop();
    if (top === undefined) throw this.cursor.fail("the stack is empty");
    return top;
  }
  private popMany(count: number): PickleValue[] {
    if (this.stack.length < count) throw this.cursor.fail("the stack is empty");
    return this.stack.splice(this.stack.length - count, count);
  }
  /** Everything since the last MARK. */
  private popMark(): PickleValue[] {
    const below = this.marks.pop();
    if (below === undefined) throw this.cursor.fail("there is no mark");
    const items = this.stack;
    this.stack = below;
    return items;
  }

  private memoIndex(): number {
    const line = this.cursor.line();
    if (!/^\d{1,9}$/.test(line)) throw this.cursor.fail("a memo index that is no number");
    return Number(line);
  }
  private recall(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw this.cursor.fail(`nothing is remembered as ${index}`);
    return value;
  }

  private append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (typeof list !== "object" || list?.kind !== "list")
      throw this.cursor.fail("items for something that is no list");
    for (const item of items) list.items.push(item);
  }
  private setTopItems(pairs: readonly PickleValue[]): void {
    this.setItems(this.top(), pairs);
  }
  private setItems(dict: PickleValue, pairs: readonly PickleValue[]): PickleValue {
    if (typeof dict !== "object" || dict?.kind !== "dict")
      throw this.cursor.fail("items for something that is no dict");
    for (let i = 0; i < pairs.length; i += 2) {
      const [key, value] = [pairs[i], pairs[i + 1]];
      if (key === undefined || value === undefined) throw this.cursor.fail("a key without a value");
      dict.entries.set(key, value);
    }
    return dict;
  }

  private global(module?: PickleValue, name?: PickleValue): PickleGlobal {
    if (typeof module !== "string" || typeof name !== "string") throw this.cursor.fail("a name that is no text");
    const full = `${module}.${name}`;
    const meaning = this.options.allow.get(full);
    if (meaning !== undefined) return { kind: "global", name: full, meaning };
    const project = projectOf(full);
    const called = project === undefined ? "" : `it is ${project}: `;
    const shown = JSON.stringify(full.length > 200 ? `${full.slice(0, 200)}...` : full);
    throw modelError(
      "L5105",
      this.options.file,
      `${called}the checkpoint asks for ${shown} at byte ${this.cursor.opcodeAt}; lacec runs no code from checkpoints and does not know this name`,
      [
        "of a StyleGAN2 generator, lacec imports the weights alone too: torch.save(G.state_dict(), FILE) in the tool that made the file",
        "of any other generator it imports an ONNX export with z in and pictures out: torch.onnx.export (docs/models.md)",
      ],
    );
  }

  private call(callee?: PickleValue, args?: PickleValue): PickleValue {
    if (typeof callee !== "object" || callee?.kind !== "global")
      throw this.cursor.fail("a call of something that is no name");
    if (typeof args !== "object" || args?.kind !== "tuple")
      throw this.cursor.fail(`arguments of ${callee.name} that are no tuple`);
    if (callee.meaning.call === undefined) throw this.cursor.fail(`${callee.name} cannot be called`);
    return callee.meaning.call(args.items, this.cursor.fail, this.budget.copy);
  }
  private callWithKeywords(callee?: PickleValue, args?: PickleValue, keywords?: PickleValue): PickleValue {
    if (typeof keywords !== "object" || keywords?.kind !== "dict" || keywords.entries.size > 0)
      throw this.cursor.fail("an object with keyword arguments");
    return this.call(callee, args);
  }

  private build(): void {
    const state = this.pop();
    const target = this.top();
    if (typeof target === "object" && target?.kind === "dict") target.attributes = state;
    else if (typeof target === "object" && target?.kind === "opaque" && target.build)
      target.build(state, this.cursor.fail, this.budget.copy);
    else throw this.cursor.fail("state for something that takes none");
  }

  private persistent(id: PickleValue): PickleValue {
    if (this.options.persistent === undefined)
      throw this.cursor.fail("a persistent id, which this kind of file cannot have");
    return this.options.persistent(id, this.cursor.fail);
  }
}
