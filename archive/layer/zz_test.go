package layer_test
import ("testing";"time";"fmt";"context"; "github.com/imgtool/imgtool/archive/layer")
func TestZZ(t *testing.T){
 for round := range 30 {
 for _, c := range allCases() {
  done := make(chan int)
  s := stackOf(t, c.layers)
  go func(){ s.Merge(context.Background(), layer.MergeOptions{}); close(done)}()
  select { case <-done: case <-time.After(5*time.Second): fmt.Println("HANG", round, c.name); t.Fatal("x")}
 }}
}
