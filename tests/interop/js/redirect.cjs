// Loaded before a client that writes Deribit's address itself: connections to it go to ADDRESS (host:port).
const tls = require('tls');

const [host, port] = process.env.ADDRESS.split(':');
const connect = tls.connect;
tls.connect = (options, ...rest) =>
  /(^|\.)deribit\.com$/.test(options.host || options.servername || '')
    ? connect({ ...options, host, port: Number(port), servername: '' }, ...rest)
    : connect(options, ...rest);
