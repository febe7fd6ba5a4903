// What the subscription module exports to other actions, which import nothing of its folder.
export { SUBSCRIBE_API, UNSUBSCRIBE_API } from './subscription/subscription.api.js';
export {
  AfterIdField,
  InNetworksField,
  LimitField,
  OfDeviceField,
  OfNamesField,
  OfTypesField,
  SinceField,
  SubscribeDto,
  UnsubscribeDto,
} from './subscription/subscription.dto.js';
export { SubscriptionModule } from './subscription/subscription.module.js';
export { type Subscribed, SubscriptionService } from './subscription/subscription.service.js';
