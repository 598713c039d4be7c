// Jedis and Lettuce as they are, against keyturnd: what more_clients.py says in the environment.
import io.lettuce.core.ClientOptions;
import io.lettuce.core.KillArgs;
import io.lettuce.core.LettuceFutures;
import io.lettuce.core.LettuceVersion;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SetArgs;
import io.lettuce.core.SslOptions;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.protocol.ProtocolVersion;
import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPool;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.SetParams;

public class Clients {
  static final Map<String, String> ENV = System.getenv();
  static final int PORT = Integer.parseInt(ENV.get("RESP_PORT"));
  static final int TLS_PORT = Integer.parseInt(ENV.get("RESP_TLS_PORT"));
  static final String HOST = "127.0.0.1";

  static void check(String what, Object got, Object want) {
    if (!String.valueOf(got).equals(String.valueOf(want))) {
      throw new AssertionError(what + ": got " + got + ", not " + want);
    }
  }

  interface Attempt {
    void run() throws Exception;
  }

  // What an error and those that it came from say.
  static void refused(String what, String words, Attempt attempt) {
    StringBuilder said = new StringBuilder("nothing");
    try {
      attempt.run();
    } catch (Exception error) {
      for (Throwable e = error; e != null; e = e.getCause()) said.append(" / ").append(e);
    }
    if (!said.toString().contains(words)) throw new AssertionError(what + ": " + said);
  }

  static DefaultJedisClientConfig.Builder config() {
    return DefaultJedisClientConfig.builder()
        .user(ENV.get("RESP_USER"))
        .password(ENV.get("RESP_PASSWORD"))
        .clientName("jedis");
  }

  static SSLContext trusting() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (FileInputStream in = new FileInputStream(ENV.get("RESP_CA"))) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }

  static void jedis(RedisProtocol protocol) {
    DefaultJedisClientConfig.Builder config = config();
    if (protocol != null) config.protocol(protocol);
    try (Jedis jedis = new Jedis(new HostAndPort(HOST, PORT), config.build())) {
      String info = jedis.clientInfo();
      check("CLIENT INFO " + info, info.contains(" name=jedis ") && info.contains("lib-name=jedis"), true);
      if (protocol != null) check("the protocol", info.contains("resp=" + protocol.version()), true);
      check("SET EX", jedis.set("jedis:1", "a", new SetParams().ex(3600)), "OK");
      check("SET PX", jedis.set("jedis:1", "b", new SetParams().px(100500)), "OK");
      check("SETEX", jedis.setex("jedis:2", 60, "1"), "OK");
      check("EXISTS", jedis.exists("jedis:1"), true);
      check("EXISTS of none", jedis.exists("jedis:none"), false);
      check("GET", jedis.get("jedis:1"), "b");
      check("GET of none", jedis.get("jedis:none"), null);
      var pipe = jedis.pipelined();
      for (int i = 0; i < 100; i++) pipe.set("jedis:p:" + i, "1", new SetParams().ex(100));
      Response<Long> found = pipe.exists("jedis:p:0", "jedis:p:99", "jedis:p:100");
      pipe.sync();
      check("pipeline", found.get(), 2);
      Transaction block = jedis.multi();
      block.set("jedis:t", "1", new SetParams().ex(60));
      block.exists("jedis:t");
      check("MULTI", block.exec(), "[OK, true]");
    }
  }

  static void jedisElse() throws Exception {
    HostAndPort plain = new HostAndPort(HOST, PORT), secure = new HostAndPort(HOST, TLS_PORT);
    // A pool throws a broken connection away, and tells whoever had it.
    try (JedisPool pool = new JedisPool(plain, config().build()); Jedis other = new Jedis(plain, config().build())) {
      long id;
      try (Jedis lost = pool.getResource()) {
        id = lost.clientId();
        check("CLIENT KILL", other.clientKill(new ClientKillParams().id(Long.toString(id))), 1);
        refused("a killed connection", "JedisConnectionException", lost::ping);
      }
      try (Jedis again = pool.getResource()) {
        check("connected again", again.set("jedis:again", "1", new SetParams().ex(60)), "OK");
        check("another connection", again.clientId() != id, true);
      }
    }
    try (Jedis jedis = new Jedis(secure, config().ssl(true).sslSocketFactory(trusting().getSocketFactory()).build())) {
      check("TLS", jedis.set("jedis:tls", "1", new SetParams().ex(60)), "OK");
    }
    refused("another CA", "certification path", () -> new Jedis(secure, config().ssl(true).build()).ping());
    refused("a wrong password", "WRONGPASS", () -> new Jedis(plain, config().password("wrong").build()).ping());
  }

  static RedisURI.Builder uri(int port) {
    return RedisURI.builder().withHost(HOST).withPort(port).withClientName("lettuce")
        .withAuthentication(ENV.get("RESP_USER"), ENV.get("RESP_PASSWORD").toCharArray())
        .withTimeout(Duration.ofSeconds(30));
  }

  static void lettuce(ProtocolVersion protocol) throws Exception {
    RedisClient client = RedisClient.create(uri(PORT).build());
    client.setOptions(ClientOptions.builder().protocolVersion(protocol).build());
    try (var connection = client.connect(); var second = client.connect()) {
      RedisCommands<String, String> sync = connection.sync();
      String info = sync.clientInfo();
      check("CLIENT INFO " + info, info.contains(" name=lettuce ") && info.contains("lib-name=Lettuce"), true);
      check("the protocol", info.contains("resp=" + (protocol == ProtocolVersion.RESP3 ? 3 : 2)), true);
      // As Spring Data's opsForValue().set(key, value, Duration) and hasKey(key).
      check("SET EX", sync.set("lettuce:1", "a", SetArgs.Builder.ex(Duration.ofSeconds(3600))), "OK");
      check("SET PX", sync.set("lettuce:1", "b", SetArgs.Builder.px(Duration.ofMillis(100500))), "OK");
      check("EXISTS", sync.exists("lettuce:1"), 1);
      check("EXISTS of none", sync.exists("lettuce:none"), 0);
      check("GET", sync.get("lettuce:1"), "b");
      check("PEXPIRE", sync.pexpire("lettuce:1", 200500), true);
      check("PSETEX", sync.psetex("lettuce:2", 60500, "1"), "OK");
      List<RedisFuture<String>> all = new ArrayList<>();
      for (int i = 0; i < 500; i++) all.add(connection.async().setex("lettuce:p:" + i, 100, "1"));
      check("pipeline", LettuceFutures.awaitAll(Duration.ofSeconds(30), all.toArray(new RedisFuture[0])), true);
      check("the last", all.get(499).get(), "OK");
      sync.multi();
      sync.set("lettuce:t", "1", SetArgs.Builder.ex(60));
      sync.exists("lettuce:t");
      var done = sync.exec();
      check("MULTI", done.get(0) + " " + done.get(1), "OK 1");
      long id = sync.clientId();
      check("CLIENT KILL", second.sync().clientKill(KillArgs.Builder.id(id)), 1);
      check("connected again", sync.set("lettuce:again", "1", SetArgs.Builder.ex(60)), "OK");
      check("another connection", sync.clientId() != id, true);
    } finally {
      client.shutdown(0, 5, java.util.concurrent.TimeUnit.SECONDS);
    }
  }

  static void lettuceElse() {
    RedisClient client = RedisClient.create();
    try {
      RedisURI secure = uri(TLS_PORT).withSsl(true).build();
      refused("another CA", "certification path", () -> client.connect(secure).close());
      refused("a wrong password", "WRONGPASS",
          () -> client.connect(uri(PORT).withAuthentication("root", "wrong".toCharArray()).build()).close());
      client.setOptions(ClientOptions.builder()
          .sslOptions(SslOptions.builder().jdkSslProvider().trustManager(new File(ENV.get("RESP_CA"))).build())
          .build());
      try (var connection = client.connect(secure)) {
        check("TLS", connection.sync().setex("lettuce:tls", 60, "1"), "OK");
      }
    } finally {
      client.shutdown(0, 5, java.util.concurrent.TimeUnit.SECONDS);
    }
  }

  public static void main(String[] arguments) throws Exception {
    jedis(null);
    jedis(RedisProtocol.RESP2);
    jedis(RedisProtocol.RESP3);
    jedisElse();
    System.out.println(new File(Jedis.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getName());
    lettuce(ProtocolVersion.RESP2);
    lettuce(ProtocolVersion.RESP3);
    lettuceElse();
    System.out.println("Lettuce " + LettuceVersion.getVersion());
    System.exit(0);
  }
}
