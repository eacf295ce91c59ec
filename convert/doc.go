// Package convert plans and carries out what makes a new image archive of
// others. [NewPlan] decides, from what the opened archives state and without
// reading a layer; [Plan.Run] acts.
package convert
