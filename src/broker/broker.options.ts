/** The built-in broker's part of the configuration. */
export abstract class BrokerOptions {
  abstract host: string;
  /** 0 picks a free one */
  abstract port: number;
  /** whether a taken port may be replaced by a free one: nobody asked for it */
  abstract mayChangePort: boolean;
  /** who may use topics outside `dh/` */
  abstract ordinaryTopics: 'anyone' | 'authenticated' | 'nobody';
  /** packets above four times this are cut off at their fixed header; bytes */
  abstract maxRequestBytes: number;
  /** where stored sessions are kept */
  abstract dataDir: string;
  /** client id of the service's own connection; nobody else may connect under it */
  abstract serviceClientId: string;
}
