import type { DataSource } from 'typeorm';
import { formatTimestamp } from '../../../src/protocol/timestamps.js';
import type { Content } from './ledger.js';

/** All commands as their last events have to show them, read without the service. */
export async function readRows(database: DataSource): Promise<Content[]> {
  const rows: Record<string, any>[] = await database.query(
    `SELECT c.*, d.device_id, d.network_id, d.device_type_id FROM device_command c JOIN device d ON d.id = c.device`,
  );
  const number = (text: string | null) => (text === null ? null : Number(text));
  return rows.map((row) => ({
    id: Number(row.id),
    command: row.command,
    timestamp: formatTimestamp(row.timestamp),
    lastUpdated: formatTimestamp(row.last_updated),
    userId: number(row.user_id),
    deviceId: row.device_id,
    networkId: Number(row.network_id),
    deviceTypeId: Number(row.device_type_id),
    parameters: row.parameters,
    lifetime: row.lifetime,
    status: row.status,
    result: row.result,
  }));
}
