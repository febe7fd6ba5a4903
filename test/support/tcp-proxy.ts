import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The end of a greeting: ReadyForQuery, idle. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');
/** What PostgreSQL says to its connections when its postmaster is killed. */
const FIELDS = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0';
const FATAL = Buffer.concat([Buffer.from('E\0\0\0'), Buffer.of(FIELDS.length + 4), Buffer.from(FIELDS)]);

/** A network between the service and its database that can be cut. */
export class TcpProxy {
  /** while it is on, what the target says vanishes */
  losesReplies = false;
  /** while it is on, PostgreSQL is killed right behind its greeting: one packet says both */
  endsNewConnections = false;
  /** connections that were ended like that */
  ended = 0;
  private readonly sockets = new Set<Socket>();
  private isDown = false;

  private constructor(
    private readonly server: Server,
    private target: URL,
  ) {
    server.on('connection', (socket) => this.join(socket));
  }

  static async start(targetUrl: string): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, new URL(targetUrl));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  /** The target's URL by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Breaks all connections; while it is down new ones break at once. */
  down(): void {
    this.isDown = true;
    for (const socket of this.sockets) socket.destroy();
  }

  up(): void {
    this.isDown = false;
  }

  /** Breaks all connections; new ones lead to another target. */
  leadTo(targetUrl: string): void {
    this.down();
    this.target = new URL(targetUrl);
    this.up();
  }

  stop(): void {
    this.down();
    this.server.close();
  }

  private join(near: Socket): void {
    if (this.isDown) return void near.destroy();
    const far = connect(Number(this.target.port) || 5432, this.target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (data) => {
        if (this.endsNewConnections && from === far && data.subarray(-READY.length).equals(READY)) {
          this.ended++;
          near.end(Buffer.concat([data, FATAL]));
        } else if (from === near || !this.losesReplies) to.write(data);
      });
      from.on('error', () => {});
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
