// Command pocketbase is PocketBase with default settings, one collection for orders, and one user who may create them: a
// create checks the user's token and one rule, and each field by its type. Its own SQLite settings are kept too; they
// are synchronous=NORMAL, with which a power cut may take the last creates although they were answered.
//
// It is a module of its own, so that PocketBase runs with the versions of its dependencies that it was released with.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"os"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // of its own tables
)

func main() {
	var (
		listen = flag.String("listen", "", "address to listen on, HOST:PORT")
		data   = flag.String("data", "", "data directory")
		cert   = flag.String("cert", "", "certificate of the listener, PEM")
		key    = flag.String("key", "", "its private key, PEM")
		token  = flag.String("token", "", "file to write the user's token to")
	)
	flag.Parse()
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		log.Fatal(err)
	}
	// The limits are those of pocketbase.New.
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: *data})
	if err := app.Bootstrap(); err != nil {
		log.Fatal(err)
	}
	if err := app.RunAllMigrations(); err != nil {
		log.Fatal(err)
	}
	if err := prepare(app, *token); err != nil {
		log.Fatal(err)
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.Server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
		e.InstallerFunc = nil // it would print how to make an administrator
		return e.Next()
	})
	log.Fatal(apis.Serve(app, apis.ServeConfig{HttpsAddr: *listen}))
}

// prepare makes the collection and the user, and writes the user's token.
func prepare(app core.App, tokenFile string) error {
	orders := core.NewBaseCollection("orders")
	for _, name := range []string{"externalId", "description", "destination", "currencyCode"} {
		orders.Fields.Add(&core.TextField{Name: name})
	}
	for _, name := range []string{"customer", "shippingAddress", "lineItems", "labels"} {
		orders.Fields.Add(&core.JSONField{Name: name})
	}
	signedIn := `@request.auth.id != ""`
	orders.CreateRule, orders.ViewRule = &signedIn, &signedIn
	// As the service's external ids are: nothing else but ids is unique.
	orders.AddIndex("orders_external_id", true, "externalId", "")
	if err := app.Save(orders); err != nil {
		return err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	user := core.NewRecord(users)
	user.SetEmail("bench@example.com")
	user.SetRandomPassword()
	if err := app.Save(user); err != nil {
		return err
	}
	token, err := user.NewAuthToken()
	if err != nil {
		return err
	}
	return os.WriteFile(tokenFile, []byte(token), 0o600)
}
