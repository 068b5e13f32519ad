package order_test

import (
	"testing"

	"ordermanagement/internal/order"
)

// Every change says who has made it, and by which method; so does every version from before.
func TestEveryChangeSaysWhoMadeIt(t *testing.T) {
	s := newService(t)
	as := func(subject, method string) order.Write {
		return order.Write{Actor: order.Actor{Tenant: "a", Subject: subject}, Method: method}
	}
	type step struct {
		name string
		make func(w order.Write) error
	}
	transit := func(id string, transition order.Transition) step {
		return step{string(transition), func(w order.Write) error { _, err := s.TransitOrder(t.Context(), w, id, transition); return err }}
	}
	quoted := order.Quoted{ID: "quoted", Content: order.Content{Currency: "USD", Destination: "here", Lines: []order.Line{{LineContent: order.LineContent{Title: "x", Quantity: 1}}}}, Total: 100}
	for id, steps := range map[string][]step{
		"modern": {
			{"create", func(w order.Write) error { _, err := s.CreateOrder(t.Context(), w, "modern", oneLine("x")); return err }},
			{"update", func(w order.Write) error {
				_, err := s.UpdateOrder(t.Context(), w, "modern", func(c order.Content) (order.Content, error) {
					c.Description = "changed"
					return c, nil
				})
				return err
			}},
			transit("modern", order.Confirm), transit("modern", order.Hold), transit("modern", order.Release), transit("modern", order.Cancel),
			{"delete", func(w order.Write) error { _, err := s.DeleteOrder(t.Context(), w, "modern"); return err }},
			{"undelete", func(w order.Write) error { _, err := s.UndeleteOrder(t.Context(), w, "modern"); return err }},
		},
		"quoted": {
			{"add", func(w order.Write) error { _, err := s.AddQuoted(t.Context(), w, quoted); return err }},
			{"replace", func(w order.Write) error {
				changed := quoted
				changed.Total = 200
				_, err := s.ReplaceQuoted(t.Context(), w, []order.Quoted{changed})
				return err
			}},
			{"combine", func(w order.Write) error {
				_, err := s.CombineOrders(t.Context(), w, []string{"quoted"}, func(*order.Order) error { return nil })
				return err
			}},
		},
	} {
		for _, step := range steps {
			t.Run(id+" "+step.name, func(t *testing.T) {
				if err := step.make(as("token:"+step.name, "/test/"+step.name)); err != nil {
					t.Fatal(err)
				}
				o, err := s.GetOrder(t.Context(), order.Actor{Tenant: "a"}, id)
				if err != nil {
					t.Fatal(err)
				}
				if o.Subject != "token:"+step.name || o.Method != "/test/"+step.name {
					t.Errorf("version %d says %q, %q", o.Version, o.Subject, o.Method)
				}
			})
		}
	}
}
