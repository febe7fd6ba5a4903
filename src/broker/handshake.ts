import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { AuthenticateError, Client, ConnectPacket } from 'aedes';
import { connectionEnded } from '../auth/auth.errors.js';
import { CONNECT_LIMITS } from '../auth/login-throttle.js';
import { LoginService } from '../auth/login.service.js';
import { Sessions } from '../auth/sessions.js';
import { RefusalLog } from '../logging/refusal-log.js';
import { ActionError, Unavailable } from '../protocol/action-error.js';
import { shown } from '../protocol/shown.js';
import { isClientId, isDeviceHiveTopic, isIllFormed, isTopicName } from '../protocol/topics.js';
import { BrokerOptions } from './broker.options.js';
import { Connections } from './connections.js';

/** Return codes of CONNACK (MQTT 3.1.1 section 3.2.2.3). */
const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const NOT_AUTHORIZED = 5;

/** CONNECT on the built-in broker: who may connect, and as whom. */
@Injectable()
export class Handshake {
  constructor(
    private readonly options: BrokerOptions,
    private readonly connections: Connections,
    private readonly sessions: Sessions,
    private readonly logins: LoginService,
    private readonly refusals: RefusalLog,
  ) {}

  /**
   * Before anything of the CONNECT is used: opens the connection's session and takes out what must not work.
   * @returns `false` for what breaks the protocol
   */
  begin(client: Client, packet: ConnectPacket): boolean {
    const { remoteAddress } = client.conn as Socket;
    const address = remoteAddress ?? 'a connection that has ended';
    const connection = this.connections.open(client, packet.clientId, address);
    this.sessions.open(connection.id, address);
    client.conn.once('close', () => {
      this.connections.close(connection);
      this.sessions.close(connection.id);
    });
    const from = `client ${shown(packet.clientId)} at ${address}`;
    if (packet.protocolVersion === 5)
      this.refusals.refused(packet.clientId, () => `${from} speaks MQTT 5: connect with MQTT 3.1.1`);
    const { will } = packet;
    // Devices set a will by habit; one below dh/ would forge an event or a request when they are gone.
    if (will && isWill(will) && (isDeviceHiveTopic(will.topic) || !isTopicName(will.topic))) {
      this.refusals.refused(packet.clientId, () => `${from}: its will on ${shown(will.topic)} is dropped`);
      delete packet.will;
    }
    // Aedes invents an id for an empty one, under which nobody could ever come back to a stored session.
    connection.mayKeepSession = packet.clientId !== '' || packet.clean !== false;
    // It is reset already. Its login must not count for an address that all such connections share.
    if (remoteAddress === undefined) return false;
    if (!will || isWill(will)) return true;
    this.refusals.refused(packet.clientId, () => `${from} is refused: MQTT forbids its will`);
    return false;
  }

  /**
   * Login and password, or none: such a client is connected but not authenticated.
   * @throws with `returnCode` for CONNACK: 2 for the client id, 3 where logins cannot be checked, 5 for a
   *   wrong password
   */
  async authenticate(client: Client, login: string | undefined, password: Buffer | undefined): Promise<void> {
    const connection = this.connections.of(client);
    const problem = this.problemOf(client.id, connection.mayKeepSession);
    if (problem) {
      const from = `client ${shown(client.id)} at ${connection.address}`;
      this.refusals.refused(client.id, () => `${from} is refused: ${problem}`);
      throw refused(IDENTIFIER_REJECTED, problem);
    }
    if (login === undefined || password === undefined) return;
    const peer = this.sessions.peerOf(connection.id);
    try {
      if (!peer) throw connectionEnded();
      const user = await this.logins.login(login, password.toString(), peer, CONNECT_LIMITS);
      this.sessions.authenticate(connection.id, this.logins.principalOf(user));
    } catch (error) {
      const { message, cause } = error as Error;
      if (!this.connections.get(connection.id)) throw refused(SERVER_UNAVAILABLE, message);
      const line = () => `client ${shown(client.id)} at ${connection.address} is refused: ${message}`;
      const isWrong = error instanceof ActionError && error.code === 401;
      const isOfClient = error instanceof ActionError && !(error instanceof Unavailable);
      if (isOfClient) this.refusals.refused(client.id, line);
      else this.refusals.failed(client.id, line, cause ?? error);
      throw refused(isWrong ? NOT_AUTHORIZED : SERVER_UNAVAILABLE, message);
    }
  }

  /** @returns what is wrong with a client id, if anything */
  private problemOf(clientId: string, mayKeepSession: boolean): string | undefined {
    if (clientId === this.options.serviceClientId) return 'its client id is that of the service';
    if (!isClientId(clientId)) return 'its client id must have 1 to 128 characters, without /, + and #';
    return mayKeepSession ? undefined : 'it has no client id and clean=false';
  }
}

function refused(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode });
}

/** Whether a will is one: its topic is no filter and well-formed. The parser lets QoS 3 through, too. */
function isWill({ topic, qos }: NonNullable<ConnectPacket['will']>): boolean {
  return topic !== '' && !/[+#]/.test(topic) && !isIllFormed(topic) && (qos ?? 0) <= 2;
}
