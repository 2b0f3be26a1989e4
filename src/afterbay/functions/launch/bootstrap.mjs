// A Lambda runtime client for Node in one file, on Node's own modules: takes an event, calls the handler, sends the answer.
//
// Run as `node bootstrap.mjs HANDLER [LAYERS]`. It speaks the Runtime API (2018-06-01) at AWS_LAMBDA_RUNTIME_API, and says what
// AWS's Node runtime says: console lines with time, request id and level, error documents with errorType, errorMessage
// and trace. It exits with 129 after an error outside the handler's own promise, as that runtime does.
import { existsSync, statSync } from "node:fs";
import http from "node:http";
import module from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const EXIT_AFTER_ERROR = 129;
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const root = path.resolve(process.env.LAMBDA_TASK_ROOT ?? ".");
const [, , handlerName = "", layers] = process.argv; // `layers` is the folder that stands in for /opt

/** The request id in hand; undefined between invocations and while the function loads. */
let current;
let loaded = false;

/** What to do once nothing is left to wait for: the end of a handler that called nobody back. */
let whenIdle;
process.on("beforeExit", () => {
  const run = whenIdle;
  whenIdle = undefined;
  run?.();
});

// ---- the Runtime API

function call(method, target, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const content = body === undefined ? undefined : Buffer.from(body);
    if (content) headers = { "Content-Type": "application/json", "Content-Length": content.length, ...headers };
    const request = http.request({ host, port, agent, method, headers, path: `/2018-06-01/runtime/${target}` });
    request.on("error", reject);
    request.on("response", (response) => {
      const parts = [];
      response.on("error", reject);
      response.on("data", (part) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }),
      );
    });
    request.end(content);
  });
}

// ---- the log

/** One event of the log: inner line ends as carriage returns, so that an event stays one line on the pipe. */
function write(level, text) {
  const line = `${new Date().toISOString()}\t${current ?? "undefined"}\t${level}\t${text}`;
  process.stdout.write(`${line.replaceAll("\n", "\r")}\n`);
}

const LEVELS = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR" };
for (const [name, level] of Object.entries(LEVELS)) {
  console[name] = (...values) => write(level, format(...values));
}
console.trace = (...values) => {
  const { stack } = new Error(format(...values));
  write("TRACE", `Trace${stack.slice("Error".length)}`);
};

// ---- errors

const isError = (value) => typeof value?.name === "string" && typeof value.message === "string" && "stack" in value;

/** The document of what was thrown; what is no error goes by its type. */
function document(thrown) {
  if (!isError(thrown)) {
    return { errorType: typeof thrown, errorMessage: format("%s", thrown), trace: [] };
  }
  return { errorType: thrown.name, errorMessage: thrown.message, trace: String(thrown.stack ?? "").split("\n") };
}

function logError(what, thrown) {
  const { trace, ...told } = document(thrown);
  const own = isError(thrown) ? { ...thrown } : {};
  let text;
  try {
    text = JSON.stringify({ ...told, ...own, stack: trace });
  } catch {
    text = JSON.stringify({ ...told, stack: trace }); // something in the error has no JSON form
  }
  write("ERROR", `${what} \t${text}`);
}

function report(target, thrown) {
  const told = document(thrown);
  // A header takes printable ASCII only; an error's name can be anything.
  const kind = told.errorType.replace(/[^\x20-\x7e]/g, "?");
  return call("POST", target, JSON.stringify(told), { "Lambda-Runtime-Function-Error-Type": kind });
}

/** An error that goes by one of AWS's names; the stack is the cause's. */
function named(name, message, cause) {
  const error = new Error(message);
  Object.defineProperty(error, "name", { value: name });
  error.stack = isError(cause) ? `${name}: ${message}\n${cause.stack}` : `${name}: ${message}`;
  return error;
}

async function die(what, thrown) {
  logError(what, thrown);
  const target = current === undefined ? "init/error" : `invocation/${current}/error`;
  try {
    if (current !== undefined || !loaded) await report(target, thrown);
  } finally {
    process.exit(EXIT_AFTER_ERROR);
  }
}

process.on("uncaughtException", (error) => die("Uncaught Exception", error));
process.on("unhandledRejection", (reason) => {
  const text = isError(reason) ? `${reason.name}: ${reason.message}` : format("%s", reason);
  return die("Unhandled Promise Rejection", named("Runtime.UnhandledPromiseRejection", text, reason));
});

// ---- the handler

/** The file of a handler: beside the code with one of Node's endings, in a layer, or a package that can be found. */
function fileOf(folder, name) {
  const home = layers && /^\/opt(\/|$)/.test(folder) ? path.join(layers, folder.slice("/opt".length)) : folder;
  const stem = path.resolve(root, home, name);
  for (const end of ["", ".js", ".mjs", ".cjs"]) {
    if (existsSync(stem + end) && statSync(stem + end).isFile()) return stem + end;
  }
  return module.createRequire(`${root}/`).resolve(path.isAbsolute(home) ? stem : path.join(home, name));
}

async function load() {
  const [name, ...exported] = path.basename(handlerName).split(".");
  if (!name || !exported.length || exported.includes("")) {
    throw named("Runtime.MalformedHandlerName", "Bad handler");
  }
  let found;
  try {
    found = await import(pathToFileURL(fileOf(path.dirname(handlerName), name)).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw named("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`, error);
    if (!/^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code)) throw error;
    if (/'@aws-sdk\//.test(error.message)) {
      write("WARN", "afterbay: @aws-sdk is part of AWS's runtime, not of Node: npm install it beside the code");
    }
    throw named("Runtime.ImportModuleError", `Error: ${error.message}`, error);
  }
  const pick = (from) => exported.reduce((value, part) => value?.[part], from);
  const handler = pick(found) ?? pick(found.default); // not every name of a CommonJS module is seen beside its default
  if (handler === undefined || handler === null) {
    throw named("Runtime.HandlerNotFound", `${handlerName} is undefined or not exported`);
  }
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${handlerName} is not a function`);
  return handler;
}

function contextOf(headers, finish) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const json = (text) => (text === undefined ? undefined : JSON.parse(text));
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: json(headers["lambda-runtime-client-context"]),
    identity: json(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (error, value) => finish(error, value),
    succeed: (value) => finish(null, value),
    fail: (error) => finish(error ?? "handled"),
  };
}

let warned = false;

/** What the handler answers: its promise's value, or what it calls back with once nothing is left to wait for. */
function invoke(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let called = false;
    const finish = (error, value) => {
      if (called) return;
      called = true;
      whenIdle = undefined;
      if (error !== undefined && error !== null) reject(error);
      else if (context.callbackWaitsForEmptyEventLoop) whenIdle = () => resolve(value);
      else resolve(value);
    };
    const context = contextOf(headers, finish);
    whenIdle = () => resolve(null);
    const result = handler(event, context, finish);
    if (typeof result?.then === "function") {
      const text = "The Lambda runtime client detected an unexpected Node.js exit code: a promise was never settled.";
      if (!called) whenIdle = () => reject(named("Runtime.NodejsExit", text));
      result.then(resolve, reject);
    } else if (result !== undefined && handler.length < 3 && !warned) {
      warned = true;
      write("WARN", "afterbay: what this handler returns is no promise, and Lambda ignores it: make the handler async");
    }
  });
}

function serialized(value) {
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

async function serve(handler, { headers, text }) {
  current = headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    const body = serialized(await invoke(handler, JSON.parse(text), headers));
    whenIdle = undefined;
    const { status } = await call("POST", `invocation/${current}/response`, body);
    if (status !== 202) write("ERROR", `Failed to post handler success response. Http response code: ${status}.`);
  } catch (error) {
    whenIdle = undefined;
    logError("Invoke Error", error);
    await report(`invocation/${current}/error`, error);
  }
  current = undefined;
}

async function main() {
  if (process.env.NODE_PATH && layers) module.register?.(new URL("./resolve.mjs", import.meta.url));
  let handler;
  try {
    handler = await load();
  } catch (error) {
    await die("Uncaught Exception", error);
  }
  loaded = true;
  for (;;) {
    const next = await call("GET", "invocation/next");
    if (next.status !== 200) process.exit(1);
    await serve(handler, next);
  }
}

main().catch(() => process.exit(1)); // the Runtime API has gone: so has the engine
