// go-redis as it is, against keyturnd: what more_clients.py says in the environment.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

func check(what string, err error, got, want any) {
	if err != nil {
		fmt.Printf("go-redis: %s: %v\n", what, err)
		os.Exit(1)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		fmt.Printf("go-redis: %s: got %v, not %v\n", what, got, want)
		os.Exit(1)
	}
}

func options(protocol int) *redis.Options {
	return &redis.Options{Addr: "127.0.0.1:" + os.Getenv("RESP_PORT"), Protocol: protocol,
		Username: os.Getenv("RESP_USER"), Password: os.Getenv("RESP_PASSWORD"), ClientName: "go"}
}

// As in its documentation: revoked for as long as the token would have been valid.
func denylist(rdb *redis.Client) {
	expires := time.Now().Add(90*time.Second + 500*time.Millisecond)
	check("revoke", rdb.Set(ctx, "revoked:5f0c2b1e", "1", time.Until(expires)).Err(), nil, nil)
	found, err := rdb.Exists(ctx, "revoked:5f0c2b1e").Result()
	check("revoked", err, found, 1)
	found, err = rdb.Exists(ctx, "revoked:00000000").Result()
	check("not revoked", err, found, 0)
	left, err := rdb.TTL(ctx, "revoked:5f0c2b1e").Result()
	check("its life", err, left > 89*time.Second && left < 92*time.Second, true)
}

func commands(protocol int) {
	rdb := redis.NewClient(options(protocol))
	defer rdb.Close()
	info, err := rdb.ClientInfo(ctx).Result()
	check("CLIENT INFO", err, nil, nil)
	check("its protocol", nil, info.Resp, protocol)
	check("its name", nil, info.Name+" "+info.LibName[:8], "go go-redis")
	check("SET EX", rdb.Set(ctx, "go:1", "a", time.Hour).Err(), nil, nil)
	value, err := rdb.Get(ctx, "go:1").Result()
	check("GET", err, value, "a")
	_, err = rdb.Get(ctx, "go:none").Result()
	check("GET of none", nil, errors.Is(err, redis.Nil), true)
	old, err := rdb.SetArgs(ctx, "go:1", "b", redis.SetArgs{Get: true, KeepTTL: true}).Result()
	check("SET GET", err, old, "a")
	denylist(rdb)
	replies, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < 100; i++ {
			pipe.Set(ctx, fmt.Sprint("go:p:", i), "1", 100500*time.Millisecond)
		}
		pipe.Exists(ctx, "go:p:0", "go:p:99", "go:p:100")
		return nil
	})
	check("pipeline", err, replies[100].(*redis.IntCmd).Val(), 2)
	replies, err = rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, "go:t", "1", time.Minute)
		pipe.Exists(ctx, "go:t")
		return nil
	})
	check("MULTI", err, replies[1].(*redis.IntCmd).Val(), 1)
	err = rdb.Watch(ctx, func(tx *redis.Tx) error {
		rdb.Set(ctx, "go:t", "other", time.Minute)
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			return pipe.Set(ctx, "go:t", "lost", 0).Err()
		})
		return err
	}, "go:t")
	check("WATCH", nil, errors.Is(err, redis.TxFailedErr), true)
}

func reconnect() {
	one := options(3)
	one.PoolSize = 1
	lost, other := redis.NewClient(one), redis.NewClient(options(3))
	defer lost.Close()
	defer other.Close()
	id, err := lost.ClientID(ctx).Result()
	check("CLIENT ID", err, id > 0, true)
	killed, err := other.ClientKillByFilter(ctx, "ID", fmt.Sprint(id)).Result()
	check("CLIENT KILL", err, killed, 1)
	check("connected again", lost.Set(ctx, "go:again", "1", time.Minute).Err(), nil, nil)
	again, err := lost.ClientID(ctx).Result()
	check("another connection", err, again != id, true)
}

func overTLS() {
	pem, err := os.ReadFile(os.Getenv("RESP_CA"))
	check("the CA", err, nil, nil)
	roots := x509.NewCertPool()
	check("its certificate", nil, roots.AppendCertsFromPEM(pem), true)
	secure := options(3)
	secure.Addr = "127.0.0.1:" + os.Getenv("RESP_TLS_PORT")
	secure.TLSConfig = &tls.Config{RootCAs: roots}
	rdb := redis.NewClient(secure)
	defer rdb.Close()
	check("TLS", rdb.Set(ctx, "go:tls", "1", time.Minute).Err(), nil, nil)
	secure.TLSConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	stranger := redis.NewClient(secure)
	defer stranger.Close()
	err = stranger.Ping(ctx).Err()
	check("another CA", nil, err != nil && strings.Contains(err.Error(), "certificate"), true)
}

func main() {
	for _, protocol := range []int{2, 3} {
		commands(protocol)
	}
	reconnect()
	overTLS()
	wrong := options(3)
	wrong.Password = "wrong"
	rdb := redis.NewClient(wrong)
	defer rdb.Close()
	err := rdb.Ping(ctx).Err()
	check("a wrong password", nil, err != nil && strings.Contains(err.Error(), "WRONGPASS"), true)
	fmt.Println("go-redis " + redis.Version())
}
