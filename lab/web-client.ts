/**
 * The client of the labs, one connection a request.
 * - `node web-client.js get URL COUNT`: prints the body of each answer, a line each.
 * - `node web-client.js download URL`: prints the number of bytes received every 100 ms, then "done BYTES SERVER".
 */
import { get } from "node:http";

const REQUEST_TIMEOUT_MS = 10_000;

const [mode, url = "", count = "1"] = process.argv.slice(2);
if (mode === "download") await download(url);
else await requests(url, Number(count));

async function requests(address: string, total: number): Promise<void> {
  for (let i = 0; i < total; i++) console.log((await fetchText(address)).trim());
}

function fetchText(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(address, { agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () =>
      request.destroy(new Error(`${address}: no answer in ${REQUEST_TIMEOUT_MS} ms`)),
    );
    request.on("error", reject);
  });
}

function download(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(address, { agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let received = 0;
      const report = setInterval(() => console.log(String(received)), 100);
      response.on("data", (data: Buffer) => {
        received += data.length;
      });
      response.on("close", () => {
        clearInterval(report);
        if (!response.complete) reject(new Error(`${address}: the connection broke after ${received} bytes`));
        else console.log(`done ${received} ${response.headers["x-server"]}`);
        resolve();
      });
    });
    request.on("timeout", () =>
      request.destroy(new Error(`${address}: nothing for ${REQUEST_TIMEOUT_MS} ms`)),
    );
    request.on("error", reject);
  });
}
