/** What the description tells of the configuration. */
export abstract class ApiOptions {
  /** a broker of one's own, and not the built-in one */
  abstract isExternal: boolean;
  /** clients publish on `dh/request/<client id>` */
  abstract clientIdInTopic: boolean;
  abstract maxRequestBytes: number;
}

export interface Installation extends ApiOptions {
  /** where clients connect, e.g. `mqtt://127.0.0.1:1883` */
  brokerUrl: string;
}
