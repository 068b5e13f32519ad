package corpus

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// conversation is one call on its way.
type conversation struct {
	exchange Exchange
	method   protoreflect.MethodDescriptor
	cancel   context.CancelFunc
	canceled bool
	answers  []any
	result   *Result
	wrong    error // answers in a dialog that are not those expected
}

// hold holds the conversation that the step describes.
func (c *conversation) hold(step *Step) error {
	turns := step.Dialog
	if turns == nil {
		requests := step.Requests
		if !c.method.IsStreamingClient() {
			requests = []any{step.Request}
		}
		if step.Undecodable != nil && !c.method.IsStreamingClient() {
			m, err := parse(c.method.Input(), step.Request)
			if err != nil {
				return err
			}
			if err := c.exchange.Send(&Message{Proto: m, Undecodable: step.Undecodable}); err != nil {
				return err
			}
			requests = nil
		}
		turns = []Turn{{Send: requests}}
	}
	closed := false
	for _, turn := range turns {
		if err := c.take(turn); err != nil {
			return err
		}
		closed = closed || turn.Close || turn.Cancel
	}
	if !closed {
		if err := c.exchange.CloseSend(); err != nil {
			return err
		}
	}
	for more := true; more; {
		var err error
		if more, err = c.receive(); err != nil {
			return err
		}
	}
	c.result = c.exchange.Result()
	c.result.Answers = c.answers
	if c.canceled {
		c.result = &Result{Code: codes.Canceled}
	}
	return nil
}

func (c *conversation) take(turn Turn) error {
	for _, request := range turn.Send {
		m, err := parse(c.method.Input(), request)
		if err != nil {
			return err
		}
		if err := c.exchange.Send(&Message{Proto: m}); err != nil {
			return err
		}
	}
	if turn.Undecodable != nil {
		if err := c.exchange.Send(&Message{Undecodable: turn.Undecodable}); err != nil {
			return err
		}
	}
	for i, want := range turn.Receive {
		more, err := c.receive()
		if err != nil {
			return err
		}
		if !more {
			return fmt.Errorf("the call has ended before answer %d of this turn: %v", i, c.exchange.Result().Error)
		}
		if difference := differ("turn", want, c.answers[len(c.answers)-1]); difference != "" {
			c.wrong = errors.Join(c.wrong, errors.New(difference))
		}
	}
	switch {
	case turn.Close:
		return c.exchange.CloseSend()
	case turn.Cancel:
		c.canceled = true
		c.cancel()
	}
	return nil
}

func (c *conversation) receive() (bool, error) {
	answer, err := c.exchange.Receive()
	if err != nil || answer == nil {
		return false, err
	}
	value, err := jsonOf(answer)
	c.answers = append(c.answers, value)
	return true, err
}
