package diff

import "slices"

// pair says which elements of two lists belong together: -1 stands for none.
type pair struct{ a, b int }

// maxCells bounds the table of [align], in which a cell takes two bytes. What is
// between the equal ends of longer lists is not aligned.
const maxCells = 4 << 20

// align pairs equal elements of two lists, as many as can be without changing
// their order; what has no partner stands between them, that of a first. Swapping
// the lists swaps the pairs.
func align(a, b []string) []pair {
	if slices.Compare(a, b) > 0 { // which pairs are chosen must not depend on the side
		return swapped(align(b, a))
	}
	var pairs []pair
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		pairs = append(pairs, pair{start, start})
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA--
		endB--
	}
	for _, p := range common(a[start:endA], b[start:endB]) {
		pairs = append(pairs, pair{start + p.a, start + p.b})
	}
	for i := range len(a) - endA {
		pairs = append(pairs, pair{endA + i, endB + i})
	}
	return withAlone(pairs, len(a), len(b))
}

// common gives a longest common subsequence.
func common(a, b []string) []pair {
	if len(a) == 0 || len(b) == 0 || len(a)*len(b) > maxCells {
		return nil
	}
	width := len(b) + 1
	longest := make([]uint16, (len(a)+1)*width) // of the rests of both
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	var pairs []pair
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, pair{i, j})
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// withAlone puts what has no partner between the pairs.
func withAlone(pairs []pair, lenA, lenB int) []pair {
	var out []pair
	i, j := 0, 0
	for _, p := range append(pairs, pair{lenA, lenB}) {
		for ; i < p.a; i++ {
			out = append(out, pair{i, -1})
		}
		for ; j < p.b; j++ {
			out = append(out, pair{-1, j})
		}
		if p.a < lenA && p.b < lenB {
			out = append(out, p)
		}
		i, j = p.a+1, p.b+1
	}
	return out
}

// swapped gives the pairs as seen from the other side, what stands alone in the
// order of [align].
func swapped(pairs []pair) []pair {
	var matched []pair
	lenA, lenB := 0, 0
	for _, p := range pairs {
		if p.a >= 0 && p.b >= 0 {
			matched = append(matched, pair{p.b, p.a})
		}
		lenA, lenB = max(lenA, p.b+1), max(lenB, p.a+1)
	}
	return withAlone(matched, lenA, lenB)
}

// joinAlone puts what stands alone on both sides at one place together, where it
// is as many.
func joinAlone(pairs []pair) []pair {
	var out []pair
	for i := 0; i < len(pairs); {
		a, b := i, i
		for a < len(pairs) && pairs[a].b < 0 {
			a++
		}
		for b = a; b < len(pairs) && pairs[b].a < 0; {
			b++
		}
		switch {
		case b == i:
			out = append(out, pairs[i])
			i++
			continue
		case a-i == b-a:
			for k := range a - i {
				out = append(out, pair{pairs[i+k].a, pairs[a+k].b})
			}
		default:
			out = append(out, pairs[i:b]...)
		}
		i = b
	}
	return out
}
