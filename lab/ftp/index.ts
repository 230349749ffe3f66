/** A real FTP server and real FTP clients in network namespaces. */
export {
  type FtpClientName,
  type FtpClientSettings,
  ftpGet,
  ftpList,
  ftpPut,
} from "./client.ts";
export { type FtpServer, type FtpServerSettings, startFtpServer } from "./server.ts";
