/** The external broker's part of the configuration. */
export abstract class ExternalBrokerOptions {
  /** `mqtt://host:port` or `mqtts://host:port`, without credentials */
  abstract url: string;
  abstract clientId: string;
  abstract username?: string;
  abstract password?: string;
  /** certificates in PEM, instead of the well-known ones */
  abstract ca?: Buffer;
  abstract sharedGroup?: string;
  /** the user property that names a request's sender; without it the topic does */
  abstract clientIdProperty?: string;
  abstract maxInFlight: number;
  abstract maxRequestBytes: number;
}
