/**
 * Name of the service's data source, beside an application's own: `TypeOrmModule.forFeature([Reboot], DATA_SOURCE)`,
 * `@InjectRepository(Reboot, DATA_SOURCE)`, `@InjectDataSource(DATA_SOURCE)`.
 */
export const DATA_SOURCE = 'devicehive';
