package gunzip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"
)

// slow sleeps at every write, so that other sinks run ahead.
type slow struct{ bytes.Buffer }

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.Buffer.Write(p)
}

func open(t *testing.T, z []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(z))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPump(t *testing.T) {
	t.Parallel()
	text := longText()
	r := open(t, compressed(text, 6))
	for _, read := range []int{0, 1, 1000, 300 << 10} {
		if err := r.Reset(bytes.NewReader(compressed(text, 6))); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r, int64(read)); err != nil {
			t.Fatal(err)
		}
		var fast, other bytes.Buffer
		var late slow
		n, err := Pump(t.Context(), r, &fast, &late, &other)
		if want := int64(len(text) - read); err != nil || n != want {
			t.Errorf("Pump after %d bytes: got %d and %v, want %d", read, n, err, want)
		}
		for _, got := range []*bytes.Buffer{&fast, &late.Buffer, &other} {
			if !bytes.Equal(got.Bytes(), text[read:]) {
				t.Errorf("Pump after %d bytes: a sink got %d bytes, equal up to %d",
					read, got.Len(), commonPrefix(got.Bytes(), text[read:]))
			}
		}
		if _, err = r.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("Read after Pump: %v, want io.EOF", err)
		}
	}
}

func TestPumpWithoutSinks(t *testing.T) {
	t.Parallel()
	text := longText()
	n, err := Pump(t.Context(), open(t, compressed(text, 6)))
	if err != nil || n != int64(len(text)) {
		t.Errorf("got %d and %v, want %d", n, err, len(text))
	}
}

// TestPumpFault holds that sinks get all that stands before a fault.
func TestPumpFault(t *testing.T) {
	t.Parallel()
	text := longText()
	z := compressed(text, 6)
	for _, tt := range []struct {
		name string
		z    []byte
		want error
	}{
		{"checksum", append(z[:len(z)-1:len(z)-1], 0xff), ErrChecksum},
		{"truncated", z[:len(z)/2], io.ErrUnexpectedEOF},
	} {
		want, _ := gzipPrefix(tt.z)
		var got slow
		n, err := Pump(t.Context(), open(t, tt.z), &got)
		if !errors.Is(err, tt.want) || n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: got %d bytes and %v, sink has %d, want %d and %v", tt.name, n, err, got.Len(), len(want), tt.want)
		}
	}
}

// TestPumpSinkError holds that the error of a sink stops a stream that would
// not end, and that the rest of it cannot be read by mistake.
func TestPumpSinkError(t *testing.T) {
	t.Parallel()
	full := errors.New("disk is full")
	for _, want := range []error{full, io.ErrShortWrite} {
		sink := &limitedWriter{n: 1 << 20}
		if want == full {
			sink.err = full
		}
		r, err := NewReader(&endless{piece: compressed(samples()[4], 6)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Pump(t.Context(), r, io.Discard, sink); !errors.Is(err, want) {
			t.Errorf("Pump: got %v, want %v", err, want)
		}
		if _, err = r.NextBlock(); !errors.Is(err, want) {
			t.Errorf("NextBlock after Pump: got %v, want %v", err, want)
		}
	}
}

// stopper cancels at its first write.
type stopper struct{ cancel context.CancelFunc }

func (s stopper) Write(p []byte) (int, error) {
	s.cancel()
	return len(p), nil
}

func TestPumpCancel(t *testing.T) {
	t.Parallel()
	for _, piece := range [][]byte{compressed(samples()[4], 6), compressed(nil, 6)} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := NewReader(&endless{head: compressed([]byte("x"), 6), piece: piece})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Pump(ctx, r, stopper{cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
}

// TestPumpEnds holds that no goroutine outlives a pump. It is not parallel,
// so that it counts only its own.
func TestPumpEnds(t *testing.T) {
	z := compressed(longText(), 6)
	before := runtime.NumGoroutine()
	for range 20 {
		Pump(t.Context(), open(t, z), io.Discard, &limitedWriter{n: 100}, io.Discard)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}
