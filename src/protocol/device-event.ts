/** An event as the service publishes it. */
export interface DeviceEvent {
  /** `dh/<kind>/<network>/<type>/<device>/<name>` */
  topic: string;
  /** JSON; those of DeviceHive end in `"subscriptionId":0}` */
  payload: string;
  /** epoch milliseconds after which it is of no use to a device that was away */
  expiresAt?: number;
}
