package record_test
import ("testing";"encoding/json";seg "github.com/segmentio/encoding/json";"ordermanagement/internal/order";"ordermanagement/internal/store/storetest")
func BenchmarkJSON(b *testing.B){
 body,_:=json.Marshal(storetest.Order("01K0000000000000000000000A")); b.Log(len(body))
 b.Run("std unmarshal",func(b *testing.B){for b.Loop(){var o order.Order; if json.Unmarshal(body,&o)!=nil{b.Fatal()}}})
 b.Run("seg unmarshal",func(b *testing.B){for b.Loop(){var o order.Order; if seg.Unmarshal(body,&o)!=nil{b.Fatal()}}})
 o:=storetest.Order("01K0000000000000000000000A")
 b.Run("std marshal",func(b *testing.B){for b.Loop(){json.Marshal(o)}})
 b.Run("seg marshal",func(b *testing.B){for b.Loop(){seg.Marshal(o)}})
}
