import type { AedesClient } from './aedes-client.js';

/**
 * Cuts a connection off that announces a packet over the limit, at its fixed header: Aedes would buffer
 * the body first, whatever its length (five connections with unfinished 100 MB packets cost 600 MB).
 */
export function limitPacketSize(client: AedesClient, maxBytes: number): void {
  const parser = client._parser;
  const parseLength = parser._parseLength.bind(parser);
  parser._parseLength = () => {
    const isComplete = parseLength();
    if (!isComplete || parser.packet.length <= maxBytes) return isComplete;
    client.emit(
      'error',
      new Error(`a packet of ${parser.packet.length} bytes is over the limit of ${maxBytes}`),
    );
    return false;
  };
}
