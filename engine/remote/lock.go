package remote

import "github.com/fairlead-project/fairlead/engine/state"

func (s *shell) putLock(f *frame, b state.Batch) {}

func (s *shell) lockAnswer(sec *section) error { return protocolError("no lock was asked for") }
