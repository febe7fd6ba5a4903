FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# npm links workspaces without a word about one that is missing.
COPY schematics/package.json ./schematics/
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY migrations ./migrations
COPY src ./src
COPY scripts ./scripts
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production \
    MQTT_HOST=0.0.0.0 \
    HTTP_HOST=0.0.0.0 \
    DATA_DIR=/data
WORKDIR /app
COPY package.json package-lock.json ./
COPY schematics/package.json ./schematics/
RUN npm ci --omit=dev && npm cache clean --force
COPY scripts ./scripts
COPY --from=build /app/dist ./dist
# Without DATABASE_URL set SEED_SAMPLE_DATA=false, ADMIN_LOGIN and ADMIN_PASSWORD: beyond loopback a start with the public
# password of the sample login is refused.
# Sessions of MQTT clients, and without DATABASE_URL the database: mount a volume here to keep them.
RUN install -d -o node -g node -m 700 /data
USER node
EXPOSE 1883 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HTTP_PORT || 3000) + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself gets SIGTERM and answers what is at work before it ends.
CMD ["node", "dist/src/main.js"]
